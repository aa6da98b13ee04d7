-- The day, week or month of a time zone that a time lies in: where it begins and ends.
SELECT b.starts AT TIME ZONE $3, (b.starts + ('1 ' || $1)::interval) AT TIME ZONE $3
FROM (SELECT date_trunc($1, $2::timestamptz AT TIME ZONE $3) AS starts) b
