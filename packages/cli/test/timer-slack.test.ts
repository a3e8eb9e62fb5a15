import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { sharpenTimers } from '../src/timer-slack.ts';

const SELF = '/proc/thread-self';

it('makes timed sleeps of a thread end when they are due, on Linux', () => {
  sharpenTimers();
  if (!existsSync(SELF)) return;
  const tid = readlinkSync(SELF).split('/').at(-1);
  expect(readFileSync(`/proc/${tid}/timerslack_ns`, 'utf8').trim()).toBe('1');
});
