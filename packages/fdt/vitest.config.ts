import { project } from '../../tools/vitest.ts';

export default project('fdt');
