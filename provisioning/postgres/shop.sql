-- A small shop, for something to back up: orders of half a year.
CREATE TABLE goods (id integer PRIMARY KEY, name text NOT NULL, price numeric(8, 2) NOT NULL);
INSERT INTO goods VALUES
  (1, 'anchor', 249.00), (2, 'compass', 39.50), (3, 'lantern', 24.90), (4, 'rope', 12.00), (5, 'sail', 480.00), (6, 'sextant', 310.00);

CREATE TABLE orders (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  good integer NOT NULL REFERENCES goods,
  pieces integer NOT NULL,
  note text NOT NULL
);
INSERT INTO orders (at, good, pieces, note)
SELECT now() - n * interval '5 minutes', 1 + n % 6, 1 + n % 4, md5(n::text) FROM generate_series(1, 50000) AS n;
