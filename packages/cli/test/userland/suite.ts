/** What a suite brings into the domU, and what must come out of it. */

export interface Suite {
  /** Files that its script needs, by name, in the folder /test. */
  readonly files: Readonly<Record<string, string | Uint8Array>>;
  /** Lines for busybox's sh, run in /test; they report by the functions of {@link LIBRARY}. */
  readonly script: string;
  /** Every result that the script reports, by name, with the text that is right. */
  readonly expected: ReadonlyMap<string, string>;
}

/** Text of a result that only says whether a command succeeded. */
export const OK = 'ok';

/**
 * Functions for scripts. `check NAME COMMAND...` reports `ok` if the command succeeds, else `FAIL <code>` after the end
 * of its output. `value NAME COMMAND...` reports the command's output on one line. `refuse` is `check` the other way
 * round: the command must say no with exit code 1, and not die.
 */
export const LIBRARY = `
report() {
  read -r now rest </proc/uptime
  echo "TIME $name $before $now"
  echo "RESULT $name $1"
}
begin() { read -r before rest </proc/uptime; }
failed() {
  tail -n 60 /tmp/out | cut -c 1-400 | sed 's/^/| /'
  report "FAIL $1"
}
check() {
  name=$1; shift; begin
  "$@" >/tmp/out 2>&1
  code=$?
  if [ $code = 0 ]; then report ok; else failed $code; fi
}
refuse() {
  name=$1; shift; begin
  "$@" >/tmp/out 2>&1
  code=$?
  if [ $code = 1 ]; then report ok; else failed $code; fi
}
value() {
  name=$1; shift; begin
  "$@" >/tmp/out 2>/tmp/err
  code=$?
  if [ $code = 0 ]; then report "$(tr '\\n' ' ' </tmp/out | sed 's/ *$//')"; else cat /tmp/err >>/tmp/out; failed $code; fi
}
`;

/** Numbers that are the same on every side: 32 bits each, by Marsaglia's xorshift32. */
export function* numbers(seed: number): Generator<number, never> {
  let state = seed >>> 0;
  for (;;) {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    yield state;
  }
}

/** Bytes that nothing compresses. */
export function noise(length: number, seed: number): Uint8Array {
  const source = numbers(seed);
  return Uint8Array.from({ length }, () => source.next().value >>> 24);
}

/** Words of a small vocabulary: text that compresses well. */
export function prose(length: number, seed: number): Uint8Array {
  const words = [
    'trap',
    'frame',
    'page',
    'table',
    'walk',
    'fault',
    'guest',
    'vector',
    'lane',
    'flag',
    'carry',
    'exact',
  ];
  const source = numbers(seed);
  let text = '';
  while (text.length < length)
    text += `${words[source.next().value % words.length]}${source.next().value % 5 === 0 ? '.\n' : ' '}`;
  return new TextEncoder().encode(text.slice(0, length));
}
