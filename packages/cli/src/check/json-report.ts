import type { BoardPlan } from '@dom0less/hypervisor/plan';
import type { CheckFinding } from './finding.ts';
import { countFindings, outlook } from './summary.ts';
import { placeIn } from './text-places.ts';

/** The place behind the end of a stretch of text. */
function endOf(text: string, end: number): { endLine: number; endColumn: number } {
  const { line, column } = placeIn(text, end);
  return { endLine: line, endColumn: column };
}

function entryOf({ location, span, fix, ...finding }: CheckFinding): object {
  const { file, line, column } = location ?? {};
  return {
    ...finding,
    ...(location === undefined ? {} : { file, line, column }),
    ...(span === undefined ? {} : endOf(span.text, span.end)),
    ...(fix === undefined
      ? {}
      : {
          fix: {
            description: fix.description,
            edits: fix.edits.map(({ file: of, start, end, text }) => ({ file: of, start, end, text })),
          },
        }),
  };
}

/** What `--format json` prints. Offsets of edits are in UTF-16 code units. */
export const jsonReport = (findings: readonly CheckFinding[], board: BoardPlan | undefined, file: string): object => ({
  board: file,
  starts: board?.boots ?? false,
  domains: board === undefined ? [] : outlook(board),
  counts: countFindings(findings),
  findings: findings.map(entryOf),
});
