//! When schedules fire, against an independent opinion: Python's dateutil and zoneinfo, to the second.

mod oracle;
mod random;

use std::collections::BTreeSet;

use chrono::TimeDelta;
use crier_core::recurrence::{
    Definition, Exception, Instant, Recurrence, Timing, Wall, Zone, offset_text, tz_version,
};
use serde_json::{Value, json};

pub(crate) use random::Random;

/// Zones in which something about the clocks is out of the ordinary, and some in which many people live.
const ZONES: [&str; 36] = [
    "Africa/Cairo",
    "Africa/Casablanca", // an hour back for each Ramadan, by tables
    "Africa/El_Aaiun",
    "America/Adak",
    "America/Argentina/Buenos_Aires",
    "America/Asuncion",
    "America/Havana", // at midnight
    "America/Los_Angeles",
    "America/Nuuk", // on the evening before, across midnight
    "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll", // by two hours
    "Asia/Almaty",
    "Asia/Beirut", // at midnight
    "Asia/Gaza",   // by tables
    "Asia/Hebron",
    "Asia/Jerusalem",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Lord_Howe", // by half an hour
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/Dublin",
    "Europe/London",
    "Pacific/Apia",
    "Pacific/Auckland",
    "Pacific/Chatham", // at a quarter to
    "Pacific/Kiritimati",
    "Pacific/Norfolk",
    "UTC",
];

const FIRST: i64 = 1990;
const LAST: i64 = 2099;
const SEED: u64 = 7;

/// Changes of the clocks of a zone: moment, offset before, offset after.
type Changes = Vec<(i64, i64, i64)>;

fn at(seconds: i64) -> Instant {
    Instant::from_timestamp(seconds, 0).expect("a moment")
}

fn new_year(year: i64) -> i64 {
    let text = format!("{year}-01-01T00:00:00Z");
    chrono::DateTime::parse_from_rfc3339(&text).expect("a moment").timestamp()
}

/// As the oracle finds them: no state of the clocks lasts less than two weeks.
fn changes(zone: Zone) -> Changes {
    let offset = |seconds| i64::from(zone.wall(at(seconds)).1);
    let (mut from, end) = (new_year(FIRST), new_year(LAST + 1));
    let mut found = Vec::new();
    while from < end {
        let to = (from + 14 * 86_400).min(end);
        let (before, after) = (offset(from), offset(to));
        if before != after {
            let (mut low, mut high) = (from, to);
            while high - low > 1 {
                let middle = (low + high) / 2;
                if offset(middle) == after { high = middle } else { low = middle }
            }
            found.push((high, before, after));
        }
        from = to;
    }
    found
}

/// The zones on which Crier and this system's time zone database agree, with the changes of their clocks; says which they
/// differ on. Where both are of edition 2025b that is WET alone: the database has it as another name of Europe/Lisbon since
/// 2024b, Debian keeps what it was before. With another edition here or there, it is what that edition changed.
fn agreed(zones: &[Zone]) -> Vec<(Zone, Changes)> {
    let requests: Vec<Value> = zones
        .iter()
        .map(|zone| json!({"do": "changes", "zone": zone.name(), "first": FIRST, "last": LAST}))
        .collect();
    let mut agreed = Vec::new();
    for (zone, theirs) in zones.iter().zip(oracle::ask(&requests)) {
        let Ok(theirs) = serde_json::from_value::<Changes>(theirs) else {
            eprintln!("{} is not in the database of this system", zone.name());
            continue;
        };
        let ours = changes(*zone);
        if ours == theirs {
            agreed.push((*zone, ours));
            continue;
        }
        let other = ours.iter().zip(&theirs).find(|(ours, theirs)| ours != theirs);
        eprintln!("{}: edition {} here; the system differs, first {other:?}", zone.name(), tz_version());
    }
    agreed
}

struct Case {
    definition: Definition,
    rule: String,
    after: i64,
    limit: usize,
}

impl Case {
    fn request(&self) -> Value {
        let definition = &self.definition;
        let exceptions = definition.exceptions.iter().filter_map(|exception| match exception {
            Exception::At(wall) => Some(wall.to_string()),
            Exception::On(_) => None,
        });
        json!({
            "do": "occurrences",
            "rule": self.rule,
            "zone": definition.zone.name(),
            "starts": definition.starts.to_string(),
            "ends": definition.ends.map(|ends| ends.to_string()),
            "exceptions": exceptions.collect::<Vec<_>>(),
            "additions": definition.additions.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "after": self.after,
            "limit": self.limit,
        })
    }

    fn answer(&self) -> Vec<i64> {
        let recurrence = Recurrence::new(&self.definition).expect("a recurrence");
        recurrence
            .after(at(self.after))
            .take(self.limit)
            .map(|occurrence| occurrence.instant.timestamp())
            .collect()
    }
}

/// Asks the oracle about all cases and says which differ; answers with how many occurrences were compared.
fn compare(cases: &[Case]) -> usize {
    let requests: Vec<Value> = cases.iter().map(Case::request).collect();
    let mut compared = 0;
    let mut wrong = Vec::new();
    for (case, theirs) in cases.iter().zip(oracle::ask(&requests)) {
        let theirs: Vec<i64> = serde_json::from_value(theirs).expect("moments");
        let ours = case.answer();
        compared += theirs.len();
        if ours != theirs {
            let zone = case.definition.zone;
            let show = |seconds: Option<&i64>| {
                seconds.map(|seconds| {
                    let (wall, offset) = zone.wall(at(*seconds));
                    format!("{wall} {}", offset_text(offset))
                })
            };
            let place = (0..).find(|place| ours.get(*place) != theirs.get(*place)).unwrap_or_default();
            let (ours, theirs) = (show(ours.get(place)), show(theirs.get(place)));
            wrong.push(format!(
                "{}\n    occurrence {place}: {ours:?}, the oracle: {theirs:?}",
                case.request()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        cases.len(),
        wrong[..wrong.len().min(10)].join("\n")
    );
    compared
}

/// Everything that a definition can have, around a time.
fn random_case(random: &mut Random, zone: Zone) -> Case {
    let (mut rule, days) = random::rule(random);
    let starts = if random.percent(60) { random.wall(2024, 2030) } else { random.wall(1991, 2074) };
    let reach = match days {
        ..=40 if rule.starts_with("FREQ=HOURLY") => 60,
        ..=40 => 900,
        41..=400 => 4_000,
        _ => 9_000,
    };
    let near = |random: &mut Random, wall: Wall| {
        wall + TimeDelta::days(random.within(0, reach)) + TimeDelta::minutes(random.within(0, 1_439))
    };
    match random.within(1, 10) {
        1 | 2 => rule += &format!(";COUNT={}", random.within(1, 300)),
        3 => rule += &format!(";UNTIL={}", near(random, starts).format("%Y%m%dT%H%M%SZ")),
        4 => rule += &format!(";UNTIL={}", near(random, starts).format("%Y%m%dT%H%M%S")),
        5 => rule += &format!(";UNTIL={}", near(random, starts).format("%Y%m%d")),
        _ => {}
    }
    let mut definition = Definition::new(Timing::rule(&rule).expect(&rule), starts, zone);
    if random.percent(10) {
        definition.ends = Some(near(random, starts));
    }
    let after = if random.percent(70) { near(random, starts) } else { starts - TimeDelta::days(400) };
    let mut after = after.and_utc().timestamp();
    if random.percent(10) {
        definition.additions = (0..3).map(|_| near(random, starts)).collect();
        // One of them before the start, or when the rule fires as well
        definition.additions.push(starts - TimeDelta::days(random.within(0, 1)));
    }
    if random.percent(10) {
        let all = Recurrence::new(&definition).expect("a recurrence");
        let some: Vec<Exception> =
            all.after(at(after)).take(9).step_by(2).map(|found| Exception::At(found.planned)).collect();
        definition.exceptions = some;
    }
    if random.percent(10) {
        // Exactly at an occurrence
        let found = Recurrence::new(&definition).expect("a recurrence").after(at(after)).nth(1);
        after = found.map_or(after, |found| found.instant.timestamp());
    }
    let limit = if days > 40 { 12 } else { 25 };
    Case { definition, rule, after, limit }
}

fn zones() -> Vec<Zone> {
    ZONES.iter().map(|name| Zone::parse(name).expect(name)).collect()
}

#[test]
fn ten_thousand_random_rules_fire_when_the_oracle_says() {
    let all: Vec<Zone> = Zone::all().collect();
    let mut random = Random(SEED);
    // Those with something special, and a hundred others
    let others: BTreeSet<&str> = (0..100).map(|_| random.one(&all).name()).collect();
    let others = others.into_iter().map(|name| Zone::parse(name).expect(name));
    let zones: Vec<Zone> = zones().into_iter().chain(others).collect();
    let zones = agreed(&zones);
    assert!(zones.len() > 100, "only {} zones are as this system has them", zones.len());
    let cases: Vec<Case> = (0..10_000)
        .map(|_| {
            let zone = random.one(&zones).0;
            random_case(&mut random, zone)
        })
        .collect();
    let compared = compare(&cases);
    assert!(compared > 100_000, "the rules fired {compared} times only");
}

#[test]
fn every_change_of_the_clocks_until_2030_is_passed_as_the_oracle_says() {
    let mut random = Random(SEED);
    let mut cases = Vec::new();
    let mut maps = Vec::new();
    for (zone, changes) in agreed(&zones()) {
        for (moment, before, after) in changes {
            if !(new_year(2024)..new_year(2031)).contains(&moment) {
                continue;
            }
            // What the clock shows at the change, before it or after it, whichever is earlier
            let edge = at(moment + before.min(after)).naive_utc();
            let walls: Vec<Wall> = (-150..=400)
                .map(|step| edge + TimeDelta::minutes(step) + TimeDelta::seconds(step % 2))
                .collect();
            maps.push((zone, walls));
            for _ in 0..4 {
                let time = edge + TimeDelta::minutes(random.within(-45, 150));
                let hours = format!("{},{}", time.format("%-H"), edge.format("%-H"));
                let rule = (*random.one(&[
                    "FREQ=HOURLY",
                    "FREQ=HOURLY;BYMINUTE=0,15,30,59",
                    "FREQ=DAILY",
                    "FREQ=DAILY;BYHOUR={};BYMINUTE=0,30,45",
                    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR={}",
                    "FREQ=MONTHLY;BYDAY=-1SU,-1SA,1SU,2SU;BYHOUR={}",
                    "FREQ=YEARLY;BYHOUR={};BYMINUTE=0,10,20,30,40,50",
                ]))
                .replace("{}", &hours);
                let starts = time - TimeDelta::days(random.within(0, 3));
                let definition = Definition::new(Timing::rule(&rule).expect(&rule), starts, zone);
                let after =
                    if random.percent(50) { moment + random.within(-7_200, 7_200) } else { moment - 400_000 };
                cases.push(Case { definition, rule, after, limit: 60 });
            }
        }
    }
    assert!(maps.len() > 300, "only {} changes", maps.len());
    assert!(compare(&cases) > 50_000, "the rules hardly fired");

    let requests: Vec<Value> = maps
        .iter()
        .map(|(zone, walls)| {
            let walls: Vec<String> = walls.iter().map(ToString::to_string).collect();
            json!({"do": "instants", "zone": zone.name(), "walls": walls})
        })
        .collect();
    for ((zone, walls), theirs) in maps.iter().zip(oracle::ask(&requests)) {
        let theirs: Vec<i64> = serde_json::from_value(theirs).expect("moments");
        for (wall, theirs) in walls.iter().zip(theirs) {
            let ours = zone.instant(*wall);
            assert_eq!(ours, at(theirs), "{wall} in {}", zone.name());
        }
    }
}
