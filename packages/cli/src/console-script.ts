import type { ConsoleScript } from '@dom0less/hypervisor';
import { ExpectMatcher } from './expect-matcher.ts';
import type { Expectation } from './option-values.ts';
import type { Send } from './send-option.ts';
import { Typist } from './typist.ts';

/** What {@link makeConsoleScript} is made from: plain data that can be posted to a thread. */
export interface ConsoleScriptInit {
  /** `domain` is a node name; of `sends` too. */
  readonly expectations: readonly Expectation[];
  readonly sends: readonly Send[];
  /** Node names of the domains, by id. */
  readonly nodeNames: ReadonlyMap<number, string>;
}

/** Types what `sends` say, and is done when all expectations were seen: at each byte that a guest writes. */
export function makeConsoleScript({ expectations, sends, nodeNames }: ConsoleScriptInit): ConsoleScript {
  const matcher = new ExpectMatcher(expectations);
  const typist = new Typist(sends);
  return {
    output(domain, byte) {
      const name = nodeNames.get(domain);
      if (name === undefined) return undefined;
      const bytes = Uint8Array.of(byte);
      matcher.feed(name, bytes);
      const texts = typist.feed(name, bytes);
      return texts.length === 0 ? undefined : Uint8Array.from(texts.flatMap((text) => [...text]));
    },
    get done() {
      return matcher.met;
    },
  };
}
