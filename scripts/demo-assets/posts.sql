-- One post at once …
SELECT crier.create_post(:'workspace',
  'Published from Postgres. https://www.postgresql.org #postgres',
  ARRAY[:'account']::uuid[]) AS post_1;

-- … one with an image (:image holds it as a data: URL) …
SELECT crier.create_post(:'workspace',
  'Hills before sunrise, with a text for those who can''t see them',
  ARRAY[:'account']::uuid[],
  media => jsonb_build_array(jsonb_build_object('url', :'image', 'alt', 'Three rows of hills, the sun behind them'))) AS post_2;

-- … and one in ten seconds.
SELECT crier.create_post(:'workspace',
  'Scheduled ten seconds ahead',
  ARRAY[:'account']::uuid[],
  scheduled_at => now() + interval '10 seconds') AS post_3;
