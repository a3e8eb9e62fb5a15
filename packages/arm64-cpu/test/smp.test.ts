import { describeSmp } from './smp/suite.ts';

describeSmp(50_000, false);
