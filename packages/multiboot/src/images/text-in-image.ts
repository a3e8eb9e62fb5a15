/** Bytes of text behind a hit that are given. */
const SHOWN = 64;

const matchesAt = (bytes: Uint8Array, at: number, text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
};

/** What follows each place of `text` (ASCII) in an image, up to 64 characters. */
export function* textAfter(bytes: Uint8Array, text: string): Generator<string> {
  const first = text.charCodeAt(0);
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (!matchesAt(bytes, at, text)) continue;
    const start = at + text.length;
    yield String.fromCharCode(...bytes.subarray(start, start + SHOWN));
  }
}
