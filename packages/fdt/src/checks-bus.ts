import { type Check, type Checked, cellAt, type Fail, firstString, isMultipleOf } from './check-context.ts';
import { cellsToBigInt } from './values.ts';

/** Devicetree Specification 2.3.5. */
const addressCellsOf = (checked: Checked): number => checked.addressCells ?? 2;
const sizeCellsOf = (checked: Checked): number => checked.sizeCells ?? 1;

function checkRanges(checked: Checked, name: string, fail: Fail): void {
  const value = checked.values.get(name);
  if (value === undefined) return;
  const { parent } = checked;
  if (parent === undefined) {
    fail(checked, `the root node has a '${name}'`, name);
    return;
  }
  const address = addressCellsOf(checked);
  const size = sizeCellsOf(checked);
  const outer = addressCellsOf(parent);
  if (value.length > 0) {
    if (isMultipleOf(value.length, (outer + address + size) * 4)) return;
    const entry = `${address} address cells, ${outer} address cells of ${parent.path}, and ${size} size cells`;
    fail(checked, `'${name}' has ${value.length} bytes, which are not entries of ${entry}`, name);
    return;
  }
  const differ = (what: string, own: number, above: number): void => {
    if (own === above) return;
    fail(checked, `'${name}' is empty, but ${what} is ${own} here and ${above} in ${parent.path}`, name);
  };
  differ('#address-cells', address, outer);
  differ('#size-cells', size, sizeCellsOf(parent));
}

const REG_CHECKS: readonly Check[] = [
  { code: 'addr_size_cells', needs: ['address_cells_is_cell', 'size_cells_is_cell'], run: () => undefined },
  {
    code: 'reg_format',
    needs: ['addr_size_cells'],
    run: (checked, _context, fail) => {
      const value = checked.values.get('reg');
      if (value === undefined) return;
      const { parent } = checked;
      if (parent === undefined) {
        fail(checked, "the root node has a 'reg'");
        return;
      }
      if (value.length === 0) fail(checked, "'reg' is empty", 'reg');
      const address = addressCellsOf(parent);
      const size = sizeCellsOf(parent);
      if (isMultipleOf(value.length, (address + size) * 4)) return;
      const entry = `${address} address and ${size} size cells (#address-cells, #size-cells of ${parent.path})`;
      fail(checked, `'reg' has ${value.length} bytes, which are not entries of ${entry}`, 'reg');
    },
  },
  {
    code: 'ranges_format',
    needs: ['addr_size_cells'],
    run: (checked, _context, fail) => checkRanges(checked, 'ranges', fail),
  },
  {
    code: 'dma_ranges_format',
    needs: ['addr_size_cells'],
    run: (checked, _context, fail) => checkRanges(checked, 'dma-ranges', fail),
  },
  {
    code: 'unit_address_vs_reg',
    run: (checked, _context, fail) => {
      const { unitAddress, values } = checked;
      // A fragment's number is no address.
      if (checked.children.some(({ name }) => name === '__overlay__')) return;
      const addressed = values.has('reg') || (values.get('ranges')?.length ?? 0) > 0;
      if (addressed && unitAddress === '') fail(checked, "the node has a 'reg' or 'ranges' and no unit address");
      if (!addressed && unitAddress !== '') fail(checked, "the node has a unit address and no 'reg' or 'ranges'");
    },
  },
];

const UNIT_ADDRESS_FORMAT: Check = {
  code: 'unit_address_format',
  needs: ['node_name_format', 'pci_bridge', 'simple_bus_bridge'],
  run: (checked, _context, fail) => {
    if (checked.parent?.bus !== undefined) return;
    if (checked.unitAddress.startsWith('0x')) fail(checked, "the unit address begins with '0x'");
    if (/^(0x)?0[0-9a-fA-F]/.test(checked.unitAddress)) fail(checked, 'the unit address begins with a 0');
  },
};

function checkPciReg(checked: Checked, fail: Fail): void {
  const reg = checked.values.get('reg');
  const address = cellAt(reg, 0);
  if (checked.parent?.bus !== 'PCI' || address === undefined) return;
  if ((cellAt(reg, 1) ?? 0) !== 0 || (cellAt(reg, 2) ?? 0) !== 0) {
    fail(checked, 'cells 2 and 3 of the address in configuration space are not 0', 'reg');
  }
  if (address > 0xffffff) fail(checked, 'the address is not in configuration space', 'reg');
  if ((address & 0xff) !== 0) fail(checked, 'the register number in configuration space is not 0', 'reg');
  const device = ((address >>> 11) & 0x1f).toString(16);
  const pciFunction = (address >>> 8) & 7;
  if (pciFunction === 0 && checked.unitAddress === device) return;
  const expected = `${device},${pciFunction}`;
  if (checked.unitAddress !== expected) fail(checked, `the unit address of this PCI device is to be '${expected}'`);
}

const PCI_CHECKS: readonly Check[] = [
  {
    code: 'pci_bridge',
    needs: ['device_type_is_string', 'addr_size_cells'],
    run: (checked, _context, fail) => {
      if (firstString(checked.values.get('device_type')) !== 'pci') return;
      checked.bus = 'PCI';
      if (!/^pcie?$/.test(checked.baseName)) fail(checked, "the PCI bridge's name is not 'pci' or 'pcie'");
      if (!checked.values.has('ranges')) fail(checked, "the PCI bridge has no 'ranges', or is no bridge");
      if (addressCellsOf(checked) !== 3) fail(checked, "the PCI bridge's #address-cells is not 3");
      if (sizeCellsOf(checked) !== 2) fail(checked, "the PCI bridge's #size-cells is not 2");
      const range = checked.values.get('bus-range');
      if (range === undefined) return;
      if (range.length !== 8) {
        fail(checked, "'bus-range' is not two cells", 'bus-range');
        return;
      }
      if (cellAt(range, 0)! > cellAt(range, 1)!) fail(checked, "'bus-range' begins behind its end", 'bus-range');
      if (cellAt(range, 1)! > 0xff) fail(checked, "'bus-range' goes beyond bus 255", 'bus-range');
    },
  },
  {
    code: 'pci_device_reg',
    needs: ['reg_format', 'pci_bridge'],
    run: (checked, _context, fail) => checkPciReg(checked, fail),
  },
  {
    code: 'pci_device_bus_num',
    needs: ['reg_format', 'pci_bridge'],
    run: (checked, _context, fail) => {
      const address = cellAt(checked.values.get('reg'), 0);
      if (checked.parent?.bus !== 'PCI' || address === undefined) return;
      const range = checked.parent.values.get('bus-range');
      const [first, last] = [cellAt(range, 0) ?? 0, cellAt(range, 1) ?? 0];
      const bus = (address >>> 16) & 0xff;
      if (bus < first || bus > last) fail(checked, `PCI bus ${bus} is not in the bridge's ${first} to ${last}`);
    },
  },
];

const isSimpleBus = (value: Uint8Array | undefined): boolean =>
  value !== undefined && `\0${String.fromCharCode(...value.subarray(0, 4096))}\0`.includes('\0simple-bus\0');

function checkSimpleBusReg(checked: Checked, fail: Fail): void {
  const { parent, values } = checked;
  if (parent?.bus !== 'simple-bus') return;
  const reg = values.get('reg');
  const ranges = values.get('ranges');
  const value = reg ?? ranges?.subarray(addressCellsOf(checked) * 4);
  if ((reg ?? ranges ?? []).length === 0 || value === undefined) {
    if (parent.parent !== undefined && checked.bus !== 'simple-bus')
      fail(checked, "'reg' or 'ranges' is missing or empty");
    return;
  }
  const cells = addressCellsOf(parent);
  if (cells > 4 || value.length < cells * 4) return;
  const expected = BigInt.asUintN(64, cellsToBigInt(value, 0, cells)).toString(16);
  if (checked.unitAddress !== expected) fail(checked, `the unit address below this simple-bus is to be '${expected}'`);
}

const SIMPLE_BUS_CHECKS: readonly Check[] = [
  {
    code: 'simple_bus_bridge',
    needs: ['addr_size_cells', 'compatible_is_string_list'],
    run: (checked) => {
      if (isSimpleBus(checked.values.get('compatible'))) checked.bus = 'simple-bus';
    },
  },
  {
    code: 'simple_bus_reg',
    needs: ['reg_format', 'simple_bus_bridge'],
    run: (checked, _context, fail) => checkSimpleBusReg(checked, fail),
  },
];

function checkCells(checked: Checked, bus: string, address: number, fail: Fail): void {
  if (addressCellsOf(checked) !== address) fail(checked, `#address-cells of this ${bus} bus is not ${address}`);
  if (sizeCellsOf(checked) !== 0) fail(checked, `#size-cells of this ${bus} bus is not 0`);
}

/** The first cell of `reg`, checked against the unit address. */
function checkChipAddress(checked: Checked, bus: string, mask: number, fail: Fail): void {
  const cell = cellAt(checked.values.get('reg'), 0);
  if (cell === undefined) {
    fail(checked, "'reg' is missing or empty");
    return;
  }
  const expected = ((cell & mask) >>> 0).toString(16);
  if (checked.unitAddress !== expected) fail(checked, `the unit address on this ${bus} bus is to be '${expected}'`);
}

/** Flags in an I2C address: the node is the slave itself; the address has ten bits. */
const I2C_OWN_SLAVE_ADDRESS = 1 << 30;
const I2C_TEN_BIT_ADDRESS = 1 << 31;

function checkI2cAddresses(checked: Checked, fail: Fail): void {
  const value = checked.values.get('reg');
  for (let i = 0; i * 4 + 4 <= (value?.length ?? 0); i++) {
    const cell = cellAt(value, i)! & ~I2C_OWN_SLAVE_ADDRESS;
    const tenBits = (cell & I2C_TEN_BIT_ADDRESS) !== 0;
    const address = (cell & ~I2C_TEN_BIT_ADDRESS) >>> 0;
    if (address <= (tenBits ? 0x3ff : 0x7f)) continue;
    fail(checked, `I2C address 0x${address.toString(16)} has more than ${tenBits ? 10 : 7} bits`, 'reg');
  }
}

const I2C_CHECKS: readonly Check[] = [
  {
    code: 'i2c_bus_bridge',
    needs: ['addr_size_cells'],
    run: (checked, _context, fail) => {
      const { baseName, children } = checked;
      // An i2c node that holds buses is none itself.
      const holds = baseName === 'i2c' && children.some((child) => child.baseName.startsWith('i2c-bus'));
      if (holds || !/^i2c(-bus|-arb)?$/.test(baseName)) return;
      checked.bus = 'i2c-bus';
      if (children.length > 0) checkCells(checked, 'I2C', 1, fail);
    },
  },
  {
    code: 'i2c_bus_reg',
    needs: ['reg_format', 'i2c_bus_bridge'],
    run: (checked, _context, fail) => {
      if (checked.parent?.bus !== 'i2c-bus') return;
      checkChipAddress(checked, 'I2C', ~I2C_OWN_SLAVE_ADDRESS, fail);
      checkI2cAddresses(checked, fail);
    },
  },
];

/** True for a bus that is SPI by what is on it, whatever it is called. */
function looksLikeSpi(checked: Checked): boolean {
  if (addressCellsOf(checked) !== 1 || sizeCellsOf(checked) !== 0) return false;
  return checked.children.some(({ values }) => [...values.keys()].some((name) => name.startsWith('spi-')));
}

const SPI_CHECKS: readonly Check[] = [
  {
    code: 'spi_bus_bridge',
    needs: ['addr_size_cells'],
    run: (checked, _context, fail) => {
      const named = checked.baseName === 'spi';
      if (!named && !looksLikeSpi(checked)) return;
      checked.bus = 'spi-bus';
      if (!named && checked.values.has('reg')) fail(checked, "this SPI bus is not named 'spi'");
      if (checked.children.length > 0) checkCells(checked, 'SPI', checked.values.has('spi-slave') ? 0 : 1, fail);
    },
  },
  {
    code: 'spi_bus_reg',
    needs: ['reg_format', 'spi_bus_bridge'],
    run: (checked, _context, fail) => {
      if (checked.parent?.bus !== 'spi-bus' || checked.parent.values.has('spi-slave')) return;
      checkChipAddress(checked, 'SPI', -1, fail);
    },
  },
];

/** Children with the same unit address: each is named once, with the next that has it. */
function checkUnique(checked: Checked, isChecked: (child: Checked) => boolean, fail: Fail): void {
  if (checked.addressCells === undefined || checked.sizeCells === undefined) return;
  const last = new Map<string, Checked>();
  for (const child of checked.children) {
    if (child.unitAddress === '' || !isChecked(child)) continue;
    const other = last.get(child.unitAddress);
    if (other !== undefined) fail(other, `${child.path} has the same unit address`);
    last.set(child.unitAddress, child);
  }
}

const STYLE_CHECKS: readonly Check[] = [
  {
    code: 'avoid_default_addr_size',
    needs: ['addr_size_cells'],
    run: (checked, _context, fail) => {
      const { parent, values } = checked;
      if (parent === undefined || !(values.has('reg') || values.has('ranges'))) return;
      if (parent.addressCells === undefined) fail(checked, `${parent.path} has no #address-cells; 2 is assumed`);
      if (parent.sizeCells === undefined) fail(checked, `${parent.path} has no #size-cells; 1 is assumed`);
    },
  },
  {
    code: 'avoid_unnecessary_addr_size',
    needs: ['avoid_default_addr_size'],
    run: (checked, _context, fail) => {
      const { parent, children, addressCells, sizeCells } = checked;
      if (parent === undefined || addressCells === undefined || sizeCells === undefined) return;
      if (checked.values.has('ranges') || children.length === 0) return;
      if (children.some(({ values }) => values.has('reg'))) return;
      fail(checked, "#address-cells and #size-cells have no use without 'ranges' and a child with 'reg'");
    },
  },
  {
    code: 'unique_unit_address',
    needs: ['avoid_default_addr_size'],
    run: (checked, _context, fail) => checkUnique(checked, () => true, fail),
  },
  {
    code: 'unique_unit_address_if_enabled',
    byDefault: false,
    needs: ['avoid_default_addr_size'],
    run: (checked, _context, fail) =>
      checkUnique(checked, ({ values }) => firstString(values.get('status')) !== 'disabled', fail),
  },
];

/** In dtc's order, which matters: the earlier ones find out what the later ones build on. */
export const BUS_CHECKS: readonly Check[] = [
  ...REG_CHECKS,
  UNIT_ADDRESS_FORMAT,
  ...PCI_CHECKS,
  ...SIMPLE_BUS_CHECKS,
  ...I2C_CHECKS,
  ...SPI_CHECKS,
  ...STYLE_CHECKS,
];
