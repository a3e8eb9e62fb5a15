import { project } from '../../tools/vitest.ts';

export default project('arm64-mmu');
