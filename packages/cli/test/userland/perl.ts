/** perl: integers, doubles, regular expressions and sorting, with the results that the same steps have in JavaScript. */
import { createHash } from 'node:crypto';
import { numbers, type Suite } from './suite.ts';

const COUNT = 4000;
const md5 = (bytes: Uint8Array | string): string => createHash('md5').update(bytes).digest('hex');

const PROGRAM = `use strict; use warnings; use Digest::MD5 'md5_hex'; use Digest::SHA 'sha512_hex'; use List::Util qw(sum max); use Math::BigInt;
my $state = 99; my @n;
for (1 .. ${COUNT}) {
  $state ^= ($state << 13) & 0xffffffff; $state ^= $state >> 17; $state ^= ($state << 5) & 0xffffffff;
  push @n, $state;
}
my %do = (
  numbers => sub { md5_hex(join ',', @n) },
  sort => sub { md5_hex(join ',', sort { $a <=> $b } @n) },
  strings => sub { md5_hex(join ',', sort map { sprintf '%x', $_ } @n) },
  doubles => sub {
    my $x = 1; my @out;
    for my $n (@n) { $x = sqrt($x * 1.25 + $n / 3) - $x / 7; push @out, $x; }
    md5_hex(join '', map { pack 'd>', $_ } @out);
  },
  singles => sub { md5_hex(join '', map { pack 'f>', $_ / 7 } @n) },
  regex => sub {
    my $text = join ' ', map { sprintf '%x', $_ } @n;
    my $count = () = $text =~ /\\b([a-f])[0-9a-f]*?(\\d)\\2[0-9a-f]*\\b/g;
    (my $changed = $text) =~ s/(\\d+)([a-f])/$2$1/g;
    $count / 2 . '-' . md5_hex($changed); # two groups a match
  },
  int64 => sub { my $h = 0; { use integer; $h = $h * 6364136223846793005 + $_ for @n; } sprintf '%016x', $h },
  divide => sub { my $h = 0; { use integer; for (@n) { $h = ($h + ($_ * 4294967291) / (($_ & 0xffff) + 1)) % 1000000007; } } $h },
  bigint => sub { my $f = Math::BigInt->new(1); $f *= $_ for 1 .. 150; md5_hex("$f") },
  format => sub { md5_hex(join ',', map { sprintf '%.3f', $_ / 1024 } @n[0 .. 999]) },
  sha512 => sub { sha512_hex(join ',', @n) },
  hash => sub { my %h; $h{$_ % 997} += $_ % 1000 for @n; md5_hex(join ',', map { "$_=$h{$_}" } sort { $a <=> $b } keys %h) },
);
print $do{$ARGV[0]}->();
`;

function answers(): Map<string, string> {
  const source = numbers(99);
  const n = Array.from({ length: COUNT }, () => source.next().value);
  const hex = n.map((value) => value.toString(16));
  const doubles = new DataView(new ArrayBuffer(8 * COUNT));
  const singles = new DataView(new ArrayBuffer(4 * COUNT));
  let x = 1;
  n.forEach((value, i) => {
    x = Math.sqrt(x * 1.25 + value / 3) - x / 7;
    doubles.setFloat64(8 * i, x);
    singles.setFloat32(4 * i, value / 7);
  });
  const text = hex.join(' ');
  const matches = [...text.matchAll(/\b([a-f])[0-9a-f]*?(\d)\2[0-9a-f]*\b/g)].length;
  const int64 = n.reduce((h, value) => BigInt.asUintN(64, h * 6364136223846793005n + BigInt(value)), 0n);
  const divide = n.reduce(
    (h, value) => (h + BigInt.asIntN(64, BigInt(value) * 4294967291n) / BigInt((value & 0xffff) + 1)) % 1000000007n,
    0n,
  );
  const factorial = Array.from({ length: 150 }, (_, i) => BigInt(i + 1)).reduce((a, b) => a * b, 1n);
  const sums = new Map<number, number>();
  for (const value of n) sums.set(value % 997, (sums.get(value % 997) ?? 0) + (value % 1000));
  return new Map([
    ['numbers', md5(n.join(','))],
    ['sort', md5([...n].sort((a, b) => a - b).join(','))],
    ['strings', md5([...hex].sort().join(','))],
    ['doubles', md5(new Uint8Array(doubles.buffer))],
    ['singles', md5(new Uint8Array(singles.buffer))],
    ['regex', `${matches}-${md5(text.replace(/(\d+)([a-f])/g, '$2$1'))}`],
    ['int64', int64.toString(16).padStart(16, '0')],
    ['divide', String(divide)],
    ['bigint', md5(String(factorial))],
    [
      'format',
      md5(
        n
          .slice(0, 1000)
          .map((value) => exactFixed(value))
          .join(','),
      ),
    ],
    ['sha512', createHash('sha512').update(n.join(',')).digest('hex')],
    [
      'hash',
      md5(
        [...sums]
          .sort(([a], [b]) => a - b)
          .map(([key, value]) => `${key}=${value}`)
          .join(','),
      ),
    ],
  ]);
}

/** `value / 1024` with three decimals, ties to even as the C library rounds an exact binary fraction. */
function exactFixed(value: number): string {
  const scaled = BigInt(value) * 1000n;
  const [quotient, rest] = [scaled / 1024n, scaled % 1024n];
  const up = rest > 512n || (rest === 512n && quotient % 2n === 1n);
  const digits = String(quotient + (up ? 1n : 0n)).padStart(4, '0');
  return `${digits.slice(0, -3)}.${digits.slice(-3)}`;
}

export function perl(): Suite {
  const right = answers();
  const lines = [...right.keys()].map((name) => `value perl-${name} perl test.pl ${name}`);
  const expected = new Map([...right].map(([name, text]) => [`perl-${name}`, text]));
  return { files: { 'test.pl': PROGRAM }, script: lines.join('\n'), expected };
}
