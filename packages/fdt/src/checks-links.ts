import {
  type Check,
  type CheckContext,
  type Checked,
  cellAt,
  type Fail,
  isMultipleOf,
  oneCell,
} from './check-context.ts';
import { cellCheck } from './checks-basic.ts';

/** A property that lists phandles, each with as many cells as the node it names says. */
interface Provider {
  /** The checks are `CODE_property` and `CODE_is_cell`. */
  readonly code: string;
  readonly property: string;
  readonly cells: string;
  /** Without the property `cells`, there are none. */
  readonly optional?: true;
}

const PROVIDERS: readonly Provider[] = [
  { code: 'clocks', property: 'clocks', cells: '#clock-cells' },
  { code: 'cooling_device', property: 'cooling-device', cells: '#cooling-cells' },
  { code: 'dmas', property: 'dmas', cells: '#dma-cells' },
  { code: 'hwlocks', property: 'hwlocks', cells: '#hwlock-cells' },
  { code: 'interrupts_extended', property: 'interrupts-extended', cells: '#interrupt-cells' },
  { code: 'io_channels', property: 'io-channels', cells: '#io-channel-cells' },
  { code: 'iommus', property: 'iommus', cells: '#iommu-cells' },
  { code: 'mboxes', property: 'mboxes', cells: '#mbox-cells' },
  { code: 'msi_parent', property: 'msi-parent', cells: '#msi-cells', optional: true },
  { code: 'mux_controls', property: 'mux-controls', cells: '#mux-control-cells' },
  { code: 'phys', property: 'phys', cells: '#phy-cells' },
  { code: 'power_domains', property: 'power-domains', cells: '#power-domain-cells' },
  { code: 'pwms', property: 'pwms', cells: '#pwm-cells' },
  { code: 'resets', property: 'resets', cells: '#reset-cells' },
  { code: 'sound_dai', property: 'sound-dai', cells: '#sound-dai-cells' },
  { code: 'thermal_sensors', property: 'thermal-sensors', cells: '#thermal-sensor-cells' },
];

const isNone = (phandle: number): boolean => phandle === 0 || phandle === 0xffffffff;

function checkArguments(
  checked: Checked,
  { property, cells, optional }: Omit<Provider, 'code'>,
  context: CheckContext,
  fail: Fail,
): void {
  const value = checked.values.get(property);
  if (value === undefined) return;
  if (value.length % 4 !== 0) {
    fail(checked, `'${property}' is not a whole number of cells`, property);
    return;
  }
  const references = context.plainPhandles ? undefined : context.sourceMap?.phandleOffsets(checked.path, property);
  let count = 0;
  for (let at = 0; at < value.length / 4; at += count + 1) {
    const phandle = cellAt(value, at)!;
    count = 0;
    if (isNone(phandle)) {
      // Some bindings leave entries out so; in an overlay, the target is not known yet.
      if (context.plugin) return;
      continue;
    }
    if (references?.has(at * 4) === false) fail(checked, `cell ${at} of '${property}' is not a reference`, property);
    const provider = context.byPhandle.get(phandle);
    if (provider === undefined) {
      const message = `cell ${at} of '${property}', 0x${phandle.toString(16)}, is the phandle of no node`;
      fail(checked, message, property);
      return;
    }
    const declared = provider.values.get(cells);
    if (declared === undefined && optional !== true) {
      fail(checked, `${provider.path} has no ${cells}, which cell ${at} of '${property}' needs`);
      return;
    }
    if (declared !== undefined && declared.length !== 4) return;
    count = oneCell(declared) ?? 0;
    if (at + count + 1 > value.length / 4) {
      fail(
        checked,
        `'${property}' ends within the ${count} cells that ${cells} of ${provider.path} asks for`,
        property,
      );
    }
  }
}

const PROVIDER_CHECKS: readonly Check[] = PROVIDERS.flatMap((provider): Check[] => [
  {
    code: `${provider.code}_property`,
    needs: [`${provider.code}_is_cell`, 'phandle_references'],
    run: (checked, context, fail) => checkArguments(checked, provider, context, fail),
  },
  cellCheck(`${provider.code}_is_cell`, provider.cells),
]);

const isGpio = (name: string): boolean => /(^|-)gpios?$/.test(name) && !name.endsWith(',nr-gpios');

const GPIO_CHECKS: readonly Check[] = [
  {
    code: 'deprecated_gpio_property',
    byDefault: false,
    run: (checked, _context, fail) => {
      for (const name of checked.values.keys()) {
        if (isGpio(name) && name.endsWith('gpio')) fail(checked, `'${name}' is deprecated; write '${name}s'`, name);
      }
    },
  },
  {
    code: 'gpios_property',
    needs: ['phandle_references'],
    run: (checked, context, fail) => {
      if (checked.values.has('gpio-hog')) return;
      for (const property of checked.values.keys()) {
        if (isGpio(property)) checkArguments(checked, { property, cells: '#gpio-cells' }, context, fail);
      }
    },
  },
];

const takesInterrupts = ({ values }: Checked): boolean =>
  values.has('interrupt-controller') || values.has('interrupt-map');

/** The node that takes another's interrupts; what is wrong on the way there is said. */
function interruptParent(checked: Checked, context: CheckContext, fail: Fail): Checked | 'unknown' | undefined {
  for (let node: Checked | undefined = checked; node !== undefined; node = node.parent) {
    if (node !== checked && takesInterrupts(node)) return node;
    const value = node.values.get('interrupt-parent');
    if (value === undefined) continue;
    const phandle = oneCell(value);
    if (phandle === undefined || isNone(phandle)) {
      if (context.plugin) return 'unknown';
      fail(node, "'interrupt-parent' is not a phandle", 'interrupt-parent');
      return undefined;
    }
    const found = context.byPhandle.get(phandle);
    if (found === undefined) {
      fail(node, "'interrupt-parent' is the phandle of no node", 'interrupt-parent');
      return 'unknown';
    }
    if (!takesInterrupts(found)) fail(found, "the node has no 'interrupt-controller' or 'interrupt-map'");
    return found;
  }
  return undefined;
}

const INTERRUPT_CHECKS: readonly Check[] = [
  {
    code: 'interrupts_property',
    run: (checked, context, fail) => {
      const value = checked.values.get('interrupts');
      if (value === undefined) return;
      if (value.length % 4 !== 0) fail(checked, "'interrupts' is not a whole number of cells", 'interrupts');
      const parent = interruptParent(checked, context, fail);
      if (parent === 'unknown') return;
      if (parent === undefined) {
        fail(checked, "no 'interrupt-parent' says who takes the interrupts");
        return;
      }
      const cells = oneCell(parent.values.get('#interrupt-cells'));
      if (cells === undefined || isMultipleOf(value.length, cells * 4)) return;
      const message = `'interrupts' has ${value.length} bytes, which are not entries of ${cells} cells`;
      fail(checked, `${message} (#interrupt-cells of ${parent.path})`, '#interrupt-cells');
    },
  },
  {
    code: 'interrupt_provider',
    run: (checked, _context, fail) => {
      if (!takesInterrupts(checked)) return;
      for (const name of ['#interrupt-cells', '#address-cells']) {
        if (!checked.values.has(name)) fail(checked, `the node takes interrupts and has no ${name}`);
      }
    },
  },
];

function checkGraphReg(checked: Checked, fail: Fail): void {
  const reg = checked.values.get('reg');
  const { parent } = checked;
  if (reg === undefined || parent === undefined) return;
  const number = oneCell(reg);
  if (number === undefined) {
    fail(checked, "'reg' in a graph is not one cell");
    return;
  }
  const expected = number.toString(16);
  if (checked.unitAddress !== expected) fail(checked, `the unit address in this graph is to be '${expected}'`);
  if (parent.addressCells !== 1) fail(checked, `#address-cells of ${parent.path}, in a graph, is not 1`);
  if (parent.sizeCells !== 0) fail(checked, `#size-cells of ${parent.path}, in a graph, is not 0`);
}

function remoteOf(endpoint: Checked, context: CheckContext, fail: Fail): Checked | undefined {
  const phandle = oneCell(endpoint.values.get('remote-endpoint'));
  if (phandle === undefined || isNone(phandle)) return undefined;
  const remote = context.byPhandle.get(phandle);
  if (remote === undefined) fail(endpoint, "'remote-endpoint' is the phandle of no node", 'remote-endpoint');
  return remote;
}

const GRAPH_CHECKS: readonly Check[] = [
  {
    code: 'graph_nodes',
    run: (checked) => {
      const isEndpoint = ({ baseName, values }: Checked): boolean =>
        baseName === 'endpoint' || values.has('remote-endpoint');
      if (!checked.children.some(isEndpoint)) return;
      checked.bus = 'graph-port';
      const { parent } = checked;
      if (parent === undefined || parent.bus !== undefined) return;
      if (parent.name === 'ports' || checked.values.has('reg')) parent.bus = 'graph-ports';
    },
  },
  {
    code: 'graph_child_address',
    needs: ['graph_nodes'],
    run: (checked, _context, fail) => {
      if (checked.bus !== 'graph-port' && checked.bus !== 'graph-ports') return;
      if (checked.children.length !== 1 || checked.addressCells === undefined) return;
      const [child] = checked.children;
      if ((cellAt(child!.values.get('reg'), 0) ?? 0) !== 0) return;
      fail(checked, `with '${child!.name}' as the only child, #address-cells and #size-cells are not needed`);
    },
  },
  {
    code: 'graph_port',
    needs: ['graph_nodes'],
    run: (checked, _context, fail) => {
      if (checked.bus !== 'graph-port') return;
      if (checked.baseName !== 'port') fail(checked, "a port of a graph is not named 'port'");
      checkGraphReg(checked, fail);
    },
  },
  {
    code: 'graph_endpoint',
    needs: ['graph_nodes'],
    run: (checked, context, fail) => {
      if (checked.parent?.bus !== 'graph-port') return;
      if (checked.baseName !== 'endpoint') fail(checked, "an endpoint of a graph is not named 'endpoint'");
      checkGraphReg(checked, fail);
      const remote = remoteOf(checked, context, fail);
      if (remote === undefined || remoteOf(remote, context, fail) === checked) return;
      fail(checked, `${remote.path} does not lead back to this endpoint`);
    },
  },
];

export const LINK_CHECKS = {
  providers: [...PROVIDER_CHECKS, ...GPIO_CHECKS, ...INTERRUPT_CHECKS],
  graph: GRAPH_CHECKS,
};
