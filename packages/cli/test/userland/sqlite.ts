/** sqlite3: rows by a generator that this file runs too, changes, indexes, aggregates, and integrity checks. */
import { OK, type Suite } from './suite.ts';

const MULTIPLIER = 1103515245n;
const INCREMENT = 12345n;
const MODULUS = 2n ** 31n;

interface Row {
  readonly id: number;
  x: number;
}

function rowsOf(count: number): Row[] {
  const rows: Row[] = [];
  let x = 4711n;
  for (let id = 1; id <= count; id++) {
    x = (x * MULTIPLIER + INCREMENT) % MODULUS;
    rows.push({ id, x: Number(x) });
  }
  return rows;
}

const sum = (rows: readonly Row[], of: (row: Row) => bigint): bigint =>
  rows.reduce((total, row) => total + of(row), 0n);

/** The results of {@link script}'s queries, each a line there and a word here. */
function results(all: readonly Row[]): string[] {
  const changed = all
    .filter((row) => row.x % 7 !== 3)
    .map((row) => ({ ...row, x: row.x % 5 === 0 ? row.x ^ 0xffff : row.x }));
  const groups = Array.from({ length: 13 }, (_, key) => {
    const members = changed.filter((row) => row.x % 13 === key);
    return `${key}|${members.length}|${sum(members, (row) => BigInt(row.x))}`;
  });
  const top = [...changed].sort((a, b) => b.x - a.x || a.id - b.id).slice(0, 5);
  const pairs = changed.filter((row) => row.x < 2 ** 24);
  const quotients = [...changed].sort((a, b) => a.id - b.id).slice(0, 40);
  return [
    String(changed.length),
    String(sum(changed, (row) => BigInt(row.x) * BigInt(row.id % 1000))),
    ...groups,
    top.map((row) => `${row.id}:${row.x}`).join(','),
    String(pairs.length),
    // Each quotient scaled by a power of two, so that the double becomes an integer without a decimal conversion.
    String(quotients.reduce((total, row) => total + BigInt(Math.trunc((row.x / 7 + row.id * 1.25e-3) * 2 ** 20)), 0n)),
  ];
}

const script = (count: number): string => `PRAGMA journal_mode=WAL;
CREATE TABLE t(id INTEGER PRIMARY KEY, x INTEGER, s TEXT);
INSERT INTO t WITH RECURSIVE r(i, x) AS (
  SELECT 1, (4711*1103515245+12345)%2147483648
  UNION ALL SELECT i+1, (x*1103515245+12345)%2147483648 FROM r WHERE i < ${count}
) SELECT i, x, printf('%08x', x) FROM r;
CREATE INDEX tx ON t(x);
CREATE INDEX ts ON t(s);
DELETE FROM t WHERE x%7 = 3;
UPDATE t SET x = (x|65535) - (x&65535) WHERE x%5 = 0;
UPDATE t SET s = printf('%08x', x);
CREATE TABLE noise(a, b); CREATE INDEX na ON noise(a); CREATE INDEX nb ON noise(b);
INSERT INTO noise SELECT random(), hex(randomblob(1+abs(random()%40))) FROM t LIMIT ${Math.trunc(count / 4)};
DELETE FROM noise WHERE a%3 = 0;
VACUUM;
.output stdout
PRAGMA integrity_check;
SELECT count(*) FROM t;
SELECT sum(x*(id%1000)) FROM t;
SELECT x%13, count(*), sum(x) FROM t GROUP BY x%13 ORDER BY 1;
SELECT group_concat(id||':'||x, ',') FROM (SELECT id, x FROM t ORDER BY x DESC, id LIMIT 5);
SELECT count(*) FROM t a JOIN t b ON a.s = b.s AND a.id = b.id WHERE a.s < '01000000';
SELECT sum(CAST((x/7.0+id*1.25e-3)*1048576.0 AS INTEGER)) FROM (SELECT * FROM t ORDER BY id LIMIT 40);
SELECT count(*) FROM t WHERE s <> printf('%08x', x);
`;

/** `count` rows; a second process checks the file again. */
export function sqlite(count: number): Suite {
  const expected = new Map([
    ['sqlite', ['ok', ...results(rowsOf(count)), '0'].join(' ')],
    ['sqlite-reopened', 'ok'],
    ['sqlite-dump', OK],
  ]);
  const lines = [
    'sql() { sqlite3 -bail -cmd ".output /dev/null" /tmp/test.db <test.sql; }',
    'value sqlite sql',
    "value sqlite-reopened sqlite3 /tmp/test.db 'PRAGMA integrity_check'",
    // A dump read back gives the same dump.
    'dump() { sqlite3 /tmp/test.db .dump >/tmp/dump1 && rm -f /tmp/again.db && sqlite3 /tmp/again.db </tmp/dump1 && sqlite3 /tmp/again.db .dump >/tmp/dump2 && cmp /tmp/dump1 /tmp/dump2 && [ -s /tmp/dump1 ]; }',
    'check sqlite-dump dump',
  ];
  return { files: { 'test.sql': script(count) }, script: lines.join('\n'), expected };
}
