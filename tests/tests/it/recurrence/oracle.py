"""Answers when rules fire, by dateutil and zoneinfo: one request a line, one answer a line, both JSON.

It shares nothing with Crier but RFC 5545. Where dateutil departs from the RFC, it is put right here:
  - BYDAY=MO,2TU is for dateutil the days that are both; the RFC has either.
  - BYSETPOS of a weekly rule counts from the start in its first week; the RFC counts from the beginning of the week.
  - BYWEEKNO alone gives dateutil the whole week; in the RFC the weekday follows from the start.
  - BYWEEKNO in the days around New Year: see `in_week`.
"""

import calendar
import datetime
import heapq
import itertools
import json
import sys
from datetime import date, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrulestr

LAST_YEAR = 2099
datetime.MAXYEAR = LAST_YEAR + 1  # how far dateutil looks for a rule that never fires
EPOCH = datetime.datetime(1970, 1, 1)
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


@lru_cache(maxsize=None)
def zone_of(name):
    try:
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return None


def seconds(moment):
    return int((moment.replace(tzinfo=None) - EPOCH) / timedelta(seconds=1))


def offset(zone, at):
    return datetime.datetime.fromtimestamp(at, zone).utcoffset() // timedelta(seconds=1)


def first_with(zone, low, high, wanted):
    """The first second in (low, high] with that offset, where it changes once."""
    while high - low > 1:
        middle = (low + high) // 2
        if offset(zone, middle) == wanted:
            high = middle
        else:
            low = middle
    return high


def instant(zone, wall):
    """The first of two; behind a gap its end, which lies between the readings with either offset."""
    aware = wall.replace(tzinfo=zone, fold=0)
    utc = aware.astimezone(timezone.utc)
    if utc.astimezone(zone).replace(tzinfo=None, fold=0) == wall:
        return seconds(utc)
    high = seconds(utc)
    low = seconds(aware.replace(fold=1).astimezone(timezone.utc))
    return first_with(zone, low, high, offset(zone, high))


def changes(zone, first, last):
    """Every change of the offset between two years: moment, offset before, offset after."""
    found = []
    at, end = seconds(datetime.datetime(first, 1, 1)), seconds(datetime.datetime(last + 1, 1, 1))
    before = offset(zone, at)
    while at < end:
        to = min(at + 14 * 86400, end)
        after = offset(zone, to)
        if after != before:
            found.append([first_with(zone, at, to, after), before, after])
        at, before = to, after
    return found


def wall_of(text):
    return datetime.datetime.fromisoformat(text)


def in_week(day, wanted, week_start):
    """By the definition: week 1 is the first with four days of the year. dateutil takes the last week of the year before
    for one of this year's length, and knows no negative number for the first week of the next."""
    first = day - timedelta(days=(day.weekday() - week_start) % 7)
    year = next(y for y in (day.year + 1, day.year, day.year - 1) if first >= week_one(y, week_start))
    number = (first - week_one(year, week_start)).days // 7 + 1
    weeks = (week_one(year + 1, week_start) - week_one(year, week_start)).days // 7
    return number in wanted or number - weeks - 1 in wanted


@lru_cache(maxsize=None)
def week_one(year, week_start):
    starts = (date(year - 1, 12, 29) + timedelta(days=n) for n in range(7))
    return next(day for day in starts if day.weekday() == week_start)


def walls(text, start):
    """The wall times of a rule without UNTIL."""
    parts = dict(part.split("=") for part in text.split(";"))
    count = parts.pop("COUNT", None)
    frequency = parts["FREQ"]
    week_start = DAYS.index(parts.get("WKST", "MO"))
    begin = start
    if frequency == "WEEKLY" and "BYSETPOS" in parts:
        begin = start - timedelta(days=(start.weekday() - week_start) % 7)
        hour, minute, second = start.hour, start.minute, start.second
        parts.setdefault("BYDAY", DAYS[start.weekday()])
        parts.setdefault("BYHOUR", str(hour))
        parts.setdefault("BYMINUTE", str(minute))
        parts.setdefault("BYSECOND", str(second))
        begin = begin.replace(hour=0, minute=0, second=0)
    weeks = None
    if "BYWEEKNO" in parts:
        if not parts.keys() & {"BYDAY", "BYMONTHDAY", "BYYEARDAY"}:
            parts["BYDAY"] = DAYS[start.weekday()]
        weeks = {int(number) for number in parts.pop("BYWEEKNO").split(",")}
    days = parts.get("BYDAY", "").split(",")
    plain, numbered = [d for d in days if len(d) == 2], [d for d in days if len(d) > 2]
    positions = None
    if "BYSETPOS" in parts and (weeks or plain and numbered):
        positions = {int(position) for position in parts.pop("BYSETPOS").split(",")}
        parts.setdefault("BYHOUR", str(start.hour))
        parts.setdefault("BYMINUTE", str(start.minute))
        parts.setdefault("BYSECOND", str(start.second))
        begin = start.replace(day=1, hour=0, minute=0, second=0)
        if frequency == "YEARLY":
            begin = begin.replace(month=1)
    if plain and numbered:
        each = [by_dateutil({**parts, "BYDAY": ",".join(some)}, begin) for some in (plain, numbered)]
        found = (wall for wall, _ in itertools.groupby(heapq.merge(*each)))
    else:
        found = by_dateutil(parts, begin)
    if weeks is not None:
        found = (wall for wall in found if in_week(wall.date(), weeks, week_start))
    if positions:
        found = chosen(found, positions, (lambda wall: wall.year) if frequency == "YEARLY" else (lambda wall: (wall.year, wall.month)))
    found = (wall for wall in found if wall >= start)
    return itertools.islice(found, int(count)) if count else found


def chosen(found, positions, interval):
    for _, group in itertools.groupby(found, interval):
        group = list(group)
        for at, wall in enumerate(group):
            if at + 1 in positions or at - len(group) in positions:
                yield wall


def by_dateutil(parts, begin):
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        yield from rrulestr(text, dtstart=begin)
    except ValueError as error:
        # What it says of an hourly rule that meets none of its hours
        if "empty" not in str(error):
            raise


def occurrences(request):
    zone = zone_of(request["zone"])
    start = wall_of(request["starts"])
    ends = wall_of(request["ends"]) if request["ends"] else None
    without = set(map(wall_of, request["exceptions"]))
    parts = [part for part in request["rule"].split(";") if not part.startswith("UNTIL=")]
    until_wall = until_instant = None
    for part in request["rule"].split(";"):
        value = part.removeprefix("UNTIL=")
        if value != part:
            if value.endswith("Z"):
                until_instant = seconds(datetime.datetime.strptime(value, "%Y%m%dT%H%M%SZ"))
            elif "T" in value:
                until_wall = datetime.datetime.strptime(value, "%Y%m%dT%H%M%S")
            else:
                until_wall = datetime.datetime.strptime(value, "%Y%m%d").replace(hour=23, minute=59, second=59)
    # Nothing before it can be wanted, so that it needs no look at the zone
    near = EPOCH + timedelta(seconds=request["after"]) - timedelta(days=3)

    def ruled():
        for wall in walls(";".join(parts), start):
            if wall.year > LAST_YEAR or (until_wall and wall > until_wall):
                return
            if until_instant is not None and wall > near and instant(zone, wall) > until_instant:
                return
            yield wall

    added = sorted(wall for wall in map(wall_of, request["additions"]) if wall >= start)
    found = []
    for wall in heapq.merge(ruled(), added):
        if ends and wall > ends:
            break
        if wall in without or wall < near:
            continue
        at = instant(zone, wall)
        if at > request["after"] and (not found or at > found[-1]):
            found.append(at)
            if len(found) == request["limit"]:
                break
    return found


def answer(request):
    if request["do"] == "occurrences":
        return occurrences(request)
    zone = zone_of(request["zone"])
    if zone is None:
        return None
    if request["do"] == "changes":
        return changes(zone, request["first"], request["last"])
    return [instant(zone, wall_of(wall)) for wall in request["walls"]]


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))))
