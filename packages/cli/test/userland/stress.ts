/** stress-ng's stressors that verify what they compute. */
import { OK, type Suite } from './suite.ts';

/** Each a run of its own: name of the result and stress-ng's arguments. */
export type Stressor = readonly [name: string, args: string];

export function stress(stressors: readonly Stressor[]): Suite {
  // stress-ng ends with 2 when a stressor failed; it skips one that can't run here, and says so.
  const lines = [
    'stress() { timeout -k 5 150 stress-ng --verify --timeout 0 --temp-path /tmp "$@" >/tmp/stress 2>&1; code=$?; cat /tmp/stress; [ $code = 0 ] && ! grep -qiE "skipp|fail|unsupported" /tmp/stress; }',
    ...stressors.map(([name, args]) => `check stress-${name} stress ${args}`),
  ];
  return { files: {}, script: lines.join('\n'), expected: new Map(stressors.map(([name]) => [`stress-${name}`, OK])) };
}
