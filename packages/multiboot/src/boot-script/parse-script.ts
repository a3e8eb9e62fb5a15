import type { Connector, ScriptCommand, ScriptList, ScriptPosition, ScriptStep, ScriptWord } from './syntax.ts';
import { type ScriptToken, WordScanner } from './word-scanner.ts';

/** Deeper nesting of if, while and for is refused. */
const MAX_NESTING = 32;

const RESERVED = new Set(['if', 'then', 'elif', 'else', 'fi', 'for', 'while', 'until', 'in', 'do', 'done']);

class SyntaxProblem extends Error {
  readonly position: ScriptPosition;
  constructor(message: string, position: ScriptPosition) {
    super(message);
    this.position = position;
  }
}

/** Those with which a command may begin. */
const OPENING = new Set(['if', 'for', 'while', 'until']);

const keyOf = (token: ScriptToken): string | undefined => {
  if (token.kind !== 'word' || token.word.quoted) return undefined;
  const [only, more] = token.word.parts;
  return typeof only === 'string' && more === undefined && RESERVED.has(only) ? only : undefined;
};

const positionOf = (token: ScriptToken): ScriptPosition =>
  token.kind === 'word' ? token.word.position : token.position;

class Parser {
  readonly #scanner: WordScanner;
  #token: ScriptToken;

  constructor(text: string) {
    this.#scanner = new WordScanner(text);
    this.#token = this.#scanner.next();
  }

  /** The whole text. A line that cannot be read becomes an `error` command, and reading goes on behind it. */
  script(): ScriptList {
    const steps: ScriptStep[] = [];
    while (!this.#isSeparator('end')) {
      try {
        this.#andOr(steps, 0);
      } catch (problem) {
        if (!(problem instanceof SyntaxProblem)) throw problem;
        steps.push({ command: { kind: 'error', detail: problem.message, position: problem.position }, next: ';' });
        this.#resynchronise();
      }
    }
    return steps;
  }

  /** Commands up to a separator that is neither && nor ||. */
  #andOr(steps: ScriptStep[], depth: number): void {
    if (this.#isSeparator('newline') || this.#isSeparator(';')) {
      this.#shift();
      return;
    }
    for (;;) {
      const command = this.#command(depth);
      const token = this.#token;
      const next: Connector =
        token.kind === 'separator' && (token.text === '&&' || token.text === '||') ? token.text : ';';
      steps.push({ command, next });
      if (next === ';') break;
      this.#shift();
      while (this.#isSeparator('newline')) this.#shift();
    }
    if (this.#isSeparator(';') || this.#isSeparator('newline')) this.#shift();
    else if (!this.#isSeparator('end') && keyOf(this.#token) === undefined) this.#fail('a separator is missing here');
  }

  /** Commands up to one of the reserved words, which is not taken. */
  #listUntil(ends: readonly string[], depth: number): ScriptList {
    if (depth > MAX_NESTING) this.#fail(`if, while and for are nested more than ${MAX_NESTING} deep`);
    const steps: ScriptStep[] = [];
    for (;;) {
      const key = keyOf(this.#token);
      if (key !== undefined && ends.includes(key)) return steps;
      if (this.#isSeparator('end') || (key !== undefined && !OPENING.has(key))) {
        this.#fail(`${ends.join(' or ')} is missing before ${key ?? 'the end'}`);
      }
      this.#andOr(steps, depth);
    }
  }

  #command(depth: number): ScriptCommand {
    const key = keyOf(this.#token);
    if (key === undefined) return this.#simple();
    if (!OPENING.has(key)) this.#fail(`${key} does not belong here`);
    this.#shift();
    if (key === 'if') return this.#if(depth + 1);
    if (key === 'while' || key === 'until') {
      const condition = this.#listUntil(['do'], depth + 1);
      this.#shift();
      const body = this.#listUntil(['done'], depth + 1);
      this.#shift();
      return { kind: 'loop', until: key === 'until', condition, body };
    }
    return this.#for(depth + 1);
  }

  #if(depth: number): ScriptCommand {
    const branches: { condition: ScriptList; body: ScriptList }[] = [];
    for (;;) {
      const condition = this.#listUntil(['then'], depth);
      this.#shift();
      branches.push({ condition, body: this.#listUntil(['elif', 'else', 'fi'], depth) });
      const key = keyOf(this.#token);
      this.#shift();
      if (key === 'elif') continue;
      const otherwise = key === 'else' ? this.#listUntil(['fi'], depth) : [];
      if (key === 'else') this.#shift();
      return { kind: 'if', branches, otherwise };
    }
  }

  #for(depth: number): ScriptCommand {
    const name = this.#token.kind === 'word' ? this.#token.word.parts[0] : undefined;
    if (typeof name !== 'string') this.#fail('for needs the name of a variable');
    this.#shift();
    if (keyOf(this.#token) !== 'in') this.#fail('for NAME must be followed by in');
    this.#shift();
    const words: ScriptWord[] = [];
    for (; this.#token.kind === 'word'; this.#shift()) words.push(this.#token.word);
    while (this.#isSeparator(';') || this.#isSeparator('newline')) this.#shift();
    if (keyOf(this.#token) !== 'do') this.#fail('do is missing');
    this.#shift();
    const body = this.#listUntil(['done'], depth);
    this.#shift();
    return { kind: 'for', variable: name, words, body };
  }

  #simple(): ScriptCommand {
    const words: ScriptWord[] = [];
    for (; this.#token.kind === 'word'; this.#shift()) words.push(this.#token.word);
    if (this.#token.kind === 'error') this.#fail(this.#token.detail);
    if (words.length === 0) this.#fail('a command is missing here');
    return { kind: 'simple', words };
  }

  #fail(detail: string): never {
    throw new SyntaxProblem(detail, positionOf(this.#token));
  }

  /** Behind the line with the defect; the scanner has left the line itself if it found the defect. */
  #resynchronise(): void {
    while (!this.#isSeparator('newline') && !this.#isSeparator('end')) this.#shift();
  }

  #isSeparator(text: string): boolean {
    return this.#token.kind === 'separator' && this.#token.text === text;
  }

  #shift(): void {
    this.#token = this.#scanner.next();
  }
}

/** Parses the text of a script. Never fails as a whole; what is wrong is an `error` command in its place. */
export const parseScript = (text: string): ScriptList => new Parser(text).script();

/** The words of a command line whose variables have their values, as hush reads it a second time. */
export const splitAgain = (line: string): { words: string[]; hashWord: boolean } | { detail: string } => {
  const scanner = new WordScanner(line, true);
  const words: string[] = [];
  for (;;) {
    const token = scanner.next();
    if (token.kind === 'error') return { detail: token.detail };
    if (token.kind === 'separator') return { words, hashWord: scanner.hashWord };
    words.push(token.word.parts.join(''));
  }
};
