//! Random rules of every kind, the same ones in every run.

use crier_core::recurrence::Wall;

/// Numbers that look random (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn within(&mut self, low: i64, high: i64) -> i64 {
        low + i64::try_from(self.next() % u64::try_from(high - low + 1).expect("a range")).expect("small")
    }

    pub(crate) fn percent(&mut self, chance: i64) -> bool {
        self.within(1, 100) <= chance
    }

    pub(super) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.within(0, i64::try_from(of.len()).expect("small") - 1)).expect("in it")]
    }

    /// A few of them, separated by commas.
    fn some<T: ToString>(&mut self, most: i64, mut one: impl FnMut(&mut Self) -> T) -> String {
        let count = self.within(1, most);
        let texts: Vec<String> = (0..count).map(|_| one(self).to_string()).collect();
        texts.join(",")
    }

    /// A number, counted from the end in a quarter of all cases.
    fn signed(&mut self, most: i64) -> i64 {
        let number = self.within(1, most);
        if self.percent(25) { -number } else { number }
    }

    /// A wall time in a year; in two of five cases at midnight or in the hours in which clocks are changed.
    pub(super) fn wall(&mut self, first: i64, last: i64) -> Wall {
        let year = self.within(first, last);
        let (month, day) = match self.within(1, 10) {
            1 => (2, 28 + i64::from(year % 4 == 0)), // 2100 is not among the years
            2 => (self.within(1, 12), 28),
            3 => (12, 31),
            4 => (1, 31),
            _ => (self.within(1, 12), self.within(1, 28)),
        };
        let hour = if self.percent(40) { self.within(0, 3) } else { self.within(0, 23) };
        let minute = *self.one(&[0, 0, 15, 30, 45, 59]);
        let second = if self.percent(15) { self.within(0, 59) } else { 0 };
        let text = format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}");
        crier_core::recurrence::parse_wall(&text).expect("a wall time")
    }
}

const WEEKDAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// A rule, and about how many days lie between two of its occurrences.
pub(super) fn rule(random: &mut Random) -> (String, i64) {
    let frequency = *random
        .one(&["HOURLY", "DAILY", "DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "YEARLY", "YEARLY"]);
    let mut parts = vec![format!("FREQ={frequency}")];
    let mut add = |name: &str, value: String| parts.push(format!("{name}={value}"));
    let mut interval = 1;
    if random.percent(50) {
        interval = if random.percent(90) { random.within(1, 5) } else { random.within(6, 40) };
        add("INTERVAL", interval.to_string());
    }
    if random.percent(40) {
        add("WKST", (*random.one(&WEEKDAYS)).to_owned());
    }
    let mut chooses = days(random, frequency, &mut add);
    if random.percent(if frequency == "HOURLY" { 15 } else { 35 }) {
        add(
            "BYHOUR",
            random.some(
                3,
                |random| if random.percent(50) { random.within(0, 3) } else { random.within(0, 23) },
            ),
        );
        chooses = true;
    }
    if random.percent(30) {
        add("BYMINUTE", random.some(3, |random| *random.one(&[0, 1, 15, 20, 30, 45, 59])));
        chooses = true;
    }
    if random.percent(8) {
        add("BYSECOND", random.some(2, |random| random.within(0, 59)));
        chooses = true;
    }
    if chooses && random.percent(20) {
        // An hour or a day that has too few never fires, and the oracle takes its time to see that
        let most = match frequency {
            "HOURLY" => 1,
            "DAILY" => 2,
            _ => 4,
        };
        add("BYSETPOS", random.some(2, |random| random.signed(most)));
    }
    let days = interval
        * match frequency {
            "HOURLY" | "DAILY" => 1,
            "WEEKLY" => 7,
            "MONTHLY" => 30,
            _ => 365,
        };
    (parts.join(";"), days)
}

/// The parts that choose days; answers whether there are any.
fn days(random: &mut Random, frequency: &str, add: &mut impl FnMut(&str, String)) -> bool {
    let month_day = |random: &mut Random| {
        if random.percent(40) { *random.one(&[28, 29, 30, 31, -1, -31]) } else { random.signed(31) }
    };
    let weekday = |random: &mut Random| (*random.one(&WEEKDAYS)).to_owned();
    let numbered =
        |most: i64| move |random: &mut Random| format!("{}{}", random.signed(most), random.one(&WEEKDAYS));
    let mixed = |random: &mut Random| {
        if random.percent(50) {
            format!("{}{}", random.signed(5), random.one(&WEEKDAYS))
        } else {
            (*random.one(&WEEKDAYS)).to_owned()
        }
    };
    let has_months = random.percent(match frequency {
        "YEARLY" => 45,
        "HOURLY" => 4,
        _ => 12,
    });
    if has_months {
        add("BYMONTH", random.some(3, |random| random.within(1, 12)));
    }
    let kind = random.within(1, 100);
    let chosen = match (frequency, kind) {
        ("WEEKLY", 1..=70) => vec![("BYDAY", random.some(4, weekday))],
        ("DAILY", 1..=15) => vec![("BYDAY", random.some(3, weekday))],
        ("DAILY", 16..=25) => vec![("BYMONTHDAY", random.some(4, month_day))],
        ("DAILY", 26..=30) => {
            vec![("BYDAY", random.some(3, weekday)), ("BYMONTHDAY", random.some(4, month_day))]
        }
        ("HOURLY", 1..=10) => vec![("BYDAY", random.some(3, weekday))],
        ("HOURLY", 11..=15) => vec![("BYMONTHDAY", random.some(5, month_day))],
        ("HOURLY", 16..=18) => vec![("BYYEARDAY", random.some(5, |random| random.signed(366)))],
        ("MONTHLY", 1..=35) => vec![("BYMONTHDAY", random.some(3, month_day))],
        ("MONTHLY", 36..=60) => vec![("BYDAY", random.some(3, numbered(5)))],
        ("MONTHLY", 61..=70) => vec![("BYDAY", random.some(3, weekday))],
        ("MONTHLY", 71..=76) => vec![("BYDAY", random.some(3, mixed))],
        ("MONTHLY", 77..=85) => {
            vec![("BYDAY", random.some(3, weekday)), ("BYMONTHDAY", random.some(5, month_day))]
        }
        ("YEARLY", 1..=15) => vec![("BYMONTHDAY", random.some(3, month_day))],
        ("YEARLY", 16..=30) => vec![(
            "BYYEARDAY",
            random.some(4, |random| {
                if random.percent(30) {
                    *random.one(&[1, 60, 365, 366, -1, -366])
                } else {
                    random.signed(366)
                }
            }),
        )],
        ("YEARLY", 31..=50) => {
            let mut parts = vec![(
                "BYWEEKNO",
                random.some(3, |random| {
                    if random.percent(50) {
                        *random.one(&[1, 52, 53, -1, -53, -52])
                    } else {
                        random.signed(53)
                    }
                }),
            )];
            if random.percent(70) {
                parts.push(("BYDAY", random.some(3, weekday)));
            }
            parts
        }
        ("YEARLY", 51..=60) => vec![("BYDAY", random.some(2, weekday))],
        ("YEARLY", 61..=75) => vec![("BYDAY", random.some(3, numbered(if has_months { 5 } else { 53 })))],
        ("YEARLY", 76..=80) => vec![("BYDAY", random.some(3, mixed))],
        ("YEARLY", 81..=86) => {
            vec![("BYDAY", random.some(2, weekday)), ("BYMONTHDAY", random.some(5, month_day))]
        }
        ("YEARLY", 87..=90) => vec![
            ("BYMONTHDAY", random.some(5, month_day)),
            ("BYYEARDAY", random.some(5, |random| random.signed(366))),
        ],
        _ => Vec::new(),
    };
    let chooses = has_months || !chosen.is_empty();
    for (name, value) in chosen {
        add(name, value);
    }
    chooses
}
