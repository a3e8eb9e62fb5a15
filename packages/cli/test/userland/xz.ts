/** xz there and back, with the check values of the container compared with CRCs made here. */
import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { noise, OK, prose, type Suite } from './suite.ts';

/** CRC by its reversed polynomial, bit by bit; ISO 3309 and ECMA-182 as the .xz format has them. */
function crc(bytes: Uint8Array, width: 32 | 64): string {
  const polynomial = width === 32 ? 0xedb8_8320n : 0xc96c_5795_d787_0f42n;
  const ones = 2n ** BigInt(width) - 1n;
  const table = Array.from({ length: 256 }, (_, index) => {
    let value = BigInt(index);
    for (let bit = 0; bit < 8; bit++) value = value & 1n ? (value >> 1n) ^ polynomial : value >> 1n;
    return value;
  });
  let value = ones;
  for (const byte of bytes) value = (value >> 8n) ^ table[Number(value & 0xffn) ^ byte]!;
  return (value ^ ones).toString(16).padStart(width / 4, '0');
}

/** Round trips of text and of noise of `length` bytes. */
export function xz(length: number): Suite {
  const [text, random] = [prose(length, 3), noise(Math.trunc(length / 4), 4)];
  const whole = Buffer.concat([text, random, text.subarray(0, Math.trunc(length / 3))]);
  const checks = {
    crc32: crc(whole, 32),
    crc64: crc(whole, 64),
    sha256: createHash('sha256').update(whole).digest('hex'),
  };
  const lines = [
    // The line of robot mode for a block has the check value in its eleventh column (xz(1), ROBOT MODE).
    `xzcheck() { /usr/bin/xz $3 --check=$1 <blob >/tmp/$2.xz && /usr/bin/xz -t /tmp/$2.xz && /usr/bin/xz -dc /tmp/$2.xz | cmp - blob && /usr/bin/xz --robot -lvv /tmp/$2.xz | grep ^block | tr '\\t' '\\n' | sed -n 11p; }`,
    'value xz-crc32 xzcheck crc32 one -1',
    'value xz-crc64 xzcheck crc64 two -3',
    'value xz-sha256 xzcheck sha256 three "--lzma2=preset=1,lc=0,lp=2,pb=0,mf=bt2,nice=32"',
    'check xz-arm64-filter xzarm',
    'check xz-damage-is-seen damage',
    "gz() { zcat blob.gz | md5sum | cut -d ' ' -f 1; }",
    'value gunzip gz',
  ];
  const functions = [
    // By path: busybox's shell would take its own xz.
    'xzarm() { /usr/bin/xz --arm64 --lzma2=preset=1 </usr/bin/xz >/tmp/xz.xz && /usr/bin/xz -dc /tmp/xz.xz | cmp - /usr/bin/xz; }',
    // One byte in the middle changed: the check must fail.
    'damage() { cp /tmp/two.xz /tmp/bad.xz && printf "\\125\\252" | dd of=/tmp/bad.xz bs=1 seek=2000 conv=notrunc && ! /usr/bin/xz -t /tmp/bad.xz; }',
  ];
  const gz = gzipSync(whole, { level: 9 });
  const expected = new Map([
    ['xz-crc32', checks.crc32],
    ['xz-crc64', checks.crc64],
    ['xz-sha256', checks.sha256],
    ['xz-arm64-filter', OK],
    ['xz-damage-is-seen', OK],
    ['gunzip', createHash('md5').update(gunzipSync(gz)).digest('hex')],
  ]);
  return { files: { blob: whole, 'blob.gz': gz }, script: [...functions, ...lines].join('\n'), expected };
}
