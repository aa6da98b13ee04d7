//! Columns of what was published and what failed, day by day: drawn here, so that it needs neither a script nor a style of its own.

use chrono::{Datelike, NaiveDate};
use maud::{Markup, html};

use super::Day;

/// The size of the picture, in its own units.
const WIDTH: i64 = 900;
const HEIGHT: i64 = 220;
/// Above the days' names, and beside the numbers.
const BOTTOM: i64 = 190;
const LEFT: i64 = 40;
const TOP: i64 = 10;

pub(super) fn view(days: &[(NaiveDate, Day)]) -> Markup {
    let most = days.iter().map(|(_, day)| day.published + day.failed).max().unwrap_or(0);
    let top = round_up(most.max(1));
    let count = i64::try_from(days.len()).unwrap_or(1).max(1);
    let step = (WIDTH - LEFT) / count;
    let (published, failed) =
        days.iter().fold((0, 0), |(one, other), (_, day)| (one + day.published, other + day.failed));
    let height = |number: i64| number * (BOTTOM - TOP) / top;
    html! {
        ul class="legend" aria-hidden="true" {
            li { span class="swatch published" {} "Published" }
            li { span class="swatch failed" {} "Failed" }
        }
        div class="wide" tabindex="0" role="region" aria-labelledby="days" {
            svg class="chart" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-labelledby="chart-title" {
                title id="chart-title" { (published) " published and " (failed) " failed in " (days.len()) " days, at most " (most) " on one" }
                @for part in [0, top / 2, top] {
                    @let y = BOTTOM - height(part);
                    line class="grid" x1=(LEFT) x2=(WIDTH) y1=(y) y2=(y) {}
                    text class="label" x=(LEFT - 8) y=(y + 4) text-anchor="end" { (part) }
                }
                @for (at, (day, one)) in (0_i64..).zip(days) {
                    @let x = LEFT + at * step + step / 6;
                    @let width = (step * 2 / 3).max(2);
                    @let (good, bad) = (height(one.published), height(one.failed));
                    @if good > 0 { rect class="published" x=(x) y=(BOTTOM - good) width=(width) height=(good) {} }
                    @if bad > 0 { rect class="failed" x=(x) y=(BOTTOM - good - bad) width=(width) height=(bad) {} }
                    @if is_named(at, count) {
                        text class="label" x=(x + width / 2) y=(HEIGHT - 10) text-anchor="middle" { (day.day()) " " (day.format("%b")) }
                    }
                }
            }
        }
    }
}

/// As many names as there is room for.
fn is_named(at: i64, count: i64) -> bool {
    (count - 1 - at) % (count / 8).max(1) == 0
}

/// The next number that halves well.
fn round_up(number: i64) -> i64 {
    let mut unit = 1_i64;
    loop {
        for of in [2, 4, 10] {
            if of * unit >= number {
                return of * unit;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_on_each_other_and_within_the_picture() {
        let day = NaiveDate::from_ymd_opt(2026, 12, 1).unwrap();
        let days = vec![(day, Day { published: 6, failed: 2 }), (day.succ_opt().unwrap(), Day::default())];
        let shown = view(&days).into_string();
        assert!(shown.contains("6 published and 2 failed in 2 days, at most 8 on one"), "{shown}");
        assert_eq!(shown.matches("<rect").count(), 2);
        assert!(shown.contains("y=\"82\"") && shown.contains("height=\"108\""), "{shown}");
        assert!(shown.contains("y=\"46\"") && shown.contains("height=\"36\""), "{shown}");
        assert_eq!([1, 3, 5, 11, 401].map(round_up), [2, 4, 10, 20, 1000]);
        assert_eq!((0..90).filter(|at| is_named(*at, 90)).count(), 9);
    }
}
