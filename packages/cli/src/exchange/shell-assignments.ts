/** Assignments of a shell script, read and not run: `NAME=value`, `NAME[3]="value"`. */

/** What the assignments leave. */
export interface Assignments {
  /** Plain variables, and `NAME[3]` for elements of arrays. */
  readonly values: ReadonlyMap<string, string>;
  /** Names whose values other assignments use. */
  readonly used: ReadonlySet<string>;
  /** What can't be read, with its line. */
  readonly problems: readonly string[];
}

const TARGET = /^(?:export\s+)?([A-Za-z_]\w*)(?:\[(\d{1,4})\])?=/;
const VARIABLE = /^\$(?:\{([A-Za-z_]\w*)(?:\[(\d{1,4})\])?\}|([A-Za-z_]\w*))/;
const MAX_VALUE = 64 * 1024;

type Lookup = (name: string) => string | undefined;

/** The value of a word as a shell reads it, without running anything; the rest of the text behind it. */
function readWord(text: string, lookup: Lookup): { value: string; rest: string } | { problem: string } {
  let value = '';
  let at = 0;
  let quote = '';
  while (at < text.length) {
    const char = text[at]!;
    if (quote === '' && /[\s;#]/.test(char) && (char !== '#' || at === 0 || /\s/.test(text[at - 1]!))) break;
    if (char === quote) {
      quote = '';
      at++;
    } else if (quote === "'") {
      value += char;
      at++;
    } else if (quote === '' && (char === '"' || char === "'")) {
      quote = char;
      at++;
    } else if (char === '\\' && at + 1 < text.length) {
      const next = text[at + 1]!;
      value += quote === '"' && !'"\\$`'.includes(next) ? `\\${next}` : next;
      at += 2;
    } else if (char === '`' || text.startsWith('$(', at)) {
      return { problem: 'it runs a command; write its result instead' };
    } else if (char === '$') {
      const match = VARIABLE.exec(text.slice(at, at + 200));
      if (match === null)
        return { problem: `${JSON.stringify(text.slice(at, at + 20))} is more than the value of a variable` };
      const name = match[3] ?? (match[2] === undefined ? match[1]! : `${match[1]}[${match[2]}]`);
      value += lookup(name) ?? '';
      at += match[0].length;
    } else if (quote === '' && /[&|<>()]/.test(char)) {
      return { problem: `${char} is no part of a value; put quotes around it` };
    } else {
      value += char;
      at++;
    }
    if (value.length > MAX_VALUE) return { problem: 'the value is too long' };
  }
  return quote === '' ? { value, rest: text.slice(at) } : { problem: `the ${quote} is not closed` };
}

/**
 * Reads a script that consists of assignments, as ImageBuilder's configuration does. Variables that were assigned before
 * have their values; commands are never run: a line that has one is a problem.
 *
 * @param file name for problems
 */
export function readAssignments(source: string, file: string): Assignments {
  const values = new Map<string, string>();
  const used = new Set<string>();
  const problems: string[] = [];
  const lookup: Lookup = (name) => {
    used.add(name);
    return values.get(name);
  };
  const lines = source.replaceAll('\r\n', '\n').replace(/\\\n/g, '').split('\n');
  lines.forEach((line, n) => {
    let rest = line.trim();
    while (rest !== '' && !rest.startsWith('#')) {
      const problem = (text: string): void => void problems.push(`${file}:${n + 1}: ${text}`);
      const target = TARGET.exec(rest);
      if (target === null) return problem(`${JSON.stringify(rest.slice(0, 40))} is no assignment; it is passed over`);
      const name = target[2] === undefined ? target[1]! : `${target[1]}[${Number(target[2])}]`;
      const word = readWord(rest.slice(target[0].length), lookup);
      if ('problem' in word) return problem(`${name}: ${word.problem}`);
      values.set(name, word.value);
      rest = word.rest.replace(/^[\s;]+/, '');
    }
  });
  return { values, used, problems };
}
