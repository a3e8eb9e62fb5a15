import { describeSmp } from './smp/suite.ts';

describeSmp(1_000_000, true);
