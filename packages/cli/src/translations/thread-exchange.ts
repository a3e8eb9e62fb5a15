/** Translations on a pCPU's thread: what it compiles goes to the main thread, which passes it on. */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { TranslationExchange, TranslationPack } from '@dom0less/arm64-cpu';

/** Words in which pCPUs tell each other what they are about to translate. */
const CLAIMS = 2 ** 14;

/** What pCPUs of a board share; can be posted. */
export interface SharedTranslations {
  readonly claims: Int32Array<SharedArrayBuffer>;
}

/** Made once for each board. */
export const shareTranslations = (): SharedTranslations => ({
  claims: new Int32Array(new SharedArrayBuffer(4 * CLAIMS)),
});

/**
 * Exchanges of the pCPUs on this thread, all of which get what comes through `port`; the word of `posted` counts that. It is
 * looked at before every slice, and a port costs more to look at than a word.
 */
export function threadExchange(
  port: MessagePort,
  { claims }: SharedTranslations,
  posted: Int32Array<SharedArrayBuffer>,
): () => TranslationExchange {
  const queues: TranslationPack[][] = [];
  let received = 0;
  const receive = (): void => {
    const come = receiveMessageOnPort(port) as { message: TranslationPack } | undefined;
    if (come === undefined) return;
    received = (received + 1) | 0;
    for (const queue of queues) queue.push(come.message);
  };
  return () => {
    const queue: TranslationPack[] = [];
    queues.push(queue);
    return {
      claims,
      give(pack) {
        for (const other of queues) if (other !== queue) other.push(pack);
        port.postMessage(pack);
      },
      take() {
        if (Atomics.load(posted, 0) !== received) receive();
        return queue.shift();
      },
    };
  };
}
