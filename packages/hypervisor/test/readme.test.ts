import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { Board, type BoardOptions, formatBoardDiagnostic, runPcpu } from '../src/index.ts';
import { boardInput, image, print, systemOff } from './board.ts';

// The code between the marks is the README's.
const example = (tree: BoardOptions['tree'], kernel: Uint8Array): void => {
  // begin
  const { board, diagnostics } = Board.prepare({ tree, modules: new Map([[0x50000000, kernel]]) });
  for (const diagnostic of diagnostics) console.log(formatBoardDiagnostic(diagnostic));
  board?.subscribe((event) => {
    if (event.type === 'console') console.log(event.domain, new TextDecoder().decode(event.bytes));
    if (event.type === 'domain') console.log(event.name, event.state);
  });
  // In a worker, in earnest: post it `board.pcpuInit(0)`, and call `board.pump()` at each of its notes.
  if (board) runPcpu(board.pcpuInit(0), { notify: () => {} });
  board?.pump();
  // end
};

it("the README's example runs and prints what it says", () => {
  const kernel = image([...print('hello'), ...systemOff()]);
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  example(boardInput([{ kernel }]).tree, kernel);
  expect(log.mock.calls.map((words) => words.join(' '))).toEqual(['domU1 running', '1 hello', 'domU1 poweroff']);
  log.mockRestore();
  const own = readFileSync(new URL(import.meta.url), 'utf8');
  const code = /\/\/ begin\n([\s\S]*?) *\/\/ end/.exec(own)![1]!.replaceAll(/^ {2}/gm, '');
  expect(readFileSync(new URL('../README.md', import.meta.url), 'utf8')).toContain(code);
});
