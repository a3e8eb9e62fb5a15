import { type Check, type Checked, type Fail, firstString, nodeAt, oneCell } from './check-context.ts';
import { nodeNameProblem, propertyNameProblem } from './names.ts';

const isOneString = (value: Uint8Array): boolean => value.length > 0 && value.indexOf(0) === value.length - 1;
const isStringList = (value: Uint8Array): boolean => value.length === 0 || value[value.length - 1] === 0;

/** A check that a property, where it is there, has a certain form. */
function formCheck(code: string, property: string, form: string, holds: (value: Uint8Array) => boolean): Check {
  return {
    code,
    run: (checked, _context, fail) => {
      const value = checked.values.get(property);
      if (value !== undefined && !holds(value)) fail(checked, `'${property}' is not ${form}`, property);
    },
  };
}

export const stringCheck = (code: string, property: string): Check =>
  formCheck(code, property, 'one string', isOneString);
export const cellCheck = (code: string, property: string): Check =>
  formCheck(code, property, 'one cell', (value) => value.length === 4);

function failTwins(names: readonly string[], complain: (index: number) => void): void {
  const seen = new Set<string>();
  names.forEach((name, index) => {
    if (seen.has(name)) complain(index);
    seen.add(name);
  });
}

/** The phandle that a property gives; what is wrong with it is said. */
function checkPhandle(checked: Checked, name: string, plugin: boolean, fail: Fail): number | undefined {
  const value = checked.values.get(name);
  if (value === undefined) return undefined;
  const phandle = oneCell(value);
  if (phandle === undefined) fail(checked, `'${name}' is not one cell`, name);
  else if (phandle === 0 || (phandle === 0xffffffff && !plugin)) {
    fail(checked, `0x${phandle.toString(16)} cannot be a phandle`, name);
  } else return phandle;
  return undefined;
}

const NAME_CHECKS: readonly Check[] = [
  {
    code: 'duplicate_node_names',
    severity: 'error',
    run: ({ children }, _context, fail) => {
      const complain = (index: number): void => fail(children[index]!, 'another node has this path');
      failTwins(
        children.map(({ name }) => name),
        complain,
      );
    },
  },
  {
    code: 'duplicate_property_names',
    severity: 'error',
    run: (checked, _context, fail) => {
      const names = checked.node.properties.map(({ name }) => name);
      failTwins(names, (index) => fail(checked, 'the property is there twice', names[index]!));
    },
  },
  {
    code: 'node_name_chars',
    severity: 'error',
    run: (checked, _context, fail) => {
      const problem = nodeNameProblem(checked.name);
      if (problem?.code === 'node_name_chars') fail(checked, problem.message);
    },
  },
  {
    code: 'node_name_format',
    severity: 'error',
    needs: ['node_name_chars'],
    run: (checked, _context, fail) => {
      const problem = nodeNameProblem(checked.name);
      if (problem?.code === 'node_name_format') fail(checked, problem.message);
    },
  },
  {
    code: 'property_name_chars',
    severity: 'error',
    run: (checked, _context, fail) => {
      for (const name of checked.values.keys()) {
        const problem = propertyNameProblem(name);
        if (problem !== undefined) fail(checked, problem.message, name);
      }
    },
  },
  { ...stringCheck('name_is_string', 'name'), severity: 'error' },
  {
    code: 'name_properties',
    severity: 'error',
    needs: ['name_is_string'],
    run: (checked, _context, fail) => {
      const name = firstString(checked.values.get('name'));
      if (name !== undefined && name !== checked.baseName) {
        fail(checked, `'name' is ${JSON.stringify(name)}, not the node's name '${checked.baseName}'`, 'name');
      }
    },
  },
  {
    code: 'node_name_vs_property_name',
    needs: ['node_name_chars'],
    run: (checked, _context, fail) => {
      if (checked.parent?.values.has(checked.name) === true) {
        fail(checked, `${checked.parent.path} has a property and a subnode of that name`);
      }
    },
  },
  {
    code: 'explicit_phandles',
    severity: 'error',
    run: (checked, { byPhandle, plugin }, fail) => {
      const phandle = checkPhandle(checked, 'phandle', plugin, fail);
      const older = checkPhandle(checked, 'linux,phandle', plugin, fail);
      if (phandle !== undefined && older !== undefined && phandle !== older) {
        fail(checked, "'phandle' and 'linux,phandle' differ");
      }
      const owner = byPhandle.get((phandle ?? older)!);
      if (owner !== undefined && owner !== checked) {
        fail(checked, `phandle 0x${(phandle ?? older)!.toString(16)} is also that of ${owner.path}`);
      }
    },
  },
];

/** Characters that names should have; more are allowed. */
const STRICT = /[^a-zA-Z0-9,-]/;

const STRICT_CHECKS: readonly Check[] = [
  {
    code: 'property_name_chars_strict',
    byDefault: false,
    run: (checked, _context, fail) => {
      for (const name of checked.values.keys()) {
        // A '#' is fine at the begin, and behind a vendor's prefix.
        const bad = name === 'device_type' ? null : STRICT.exec(name.replace(/^([a-zA-Z0-9,-]*,)?#/, '$1'));
        if (bad !== null) fail(checked, `'${bad[0]}' is not recommended in a property's name`, name);
      }
    },
  },
  {
    code: 'node_name_chars_strict',
    byDefault: false,
    run: (checked, _context, fail) => {
      const bad = STRICT.exec(checked.baseName);
      if (bad !== null) fail(checked, `'${bad[0]}' is not recommended in a node's name`);
    },
  },
];

const FORM_CHECKS: readonly Check[] = [
  cellCheck('address_cells_is_cell', '#address-cells'),
  cellCheck('size_cells_is_cell', '#size-cells'),
  stringCheck('device_type_is_string', 'device_type'),
  stringCheck('model_is_string', 'model'),
  stringCheck('status_is_string', 'status'),
  stringCheck('label_is_string', 'label'),
  formCheck('compatible_is_string_list', 'compatible', 'a list of strings', isStringList),
  {
    code: 'names_is_string_list',
    run: (checked, _context, fail) => {
      for (const [name, value] of checked.values) {
        if (name.endsWith('-names') && !isStringList(value)) fail(checked, `'${name}' is not a list of strings`, name);
      }
    },
  },
];

const PLACE_CHECKS: readonly Check[] = [
  {
    code: 'obsolete_chosen_interrupt_controller',
    run: (checked, { root }, fail) => {
      if (checked !== root || nodeAt(root, '/chosen')?.values.has('interrupt-controller') !== true) return;
      fail(checked, "/chosen has the obsolete property 'interrupt-controller'", 'interrupt-controller');
    },
  },
  {
    code: 'chosen_node_is_root',
    run: (checked, { root }, fail) => {
      if (checked.name === 'chosen' && checked.parent !== root) fail(checked, 'chosen is not directly below the root');
    },
  },
  {
    code: 'chosen_node_bootargs',
    run: (checked, _context, fail) => {
      const value = checked.name === 'chosen' ? checked.values.get('bootargs') : undefined;
      if (value !== undefined && !isOneString(value)) fail(checked, "'bootargs' is not one string", 'bootargs');
    },
  },
  {
    code: 'chosen_node_stdout_path',
    run: (checked, _context, fail) => {
      if (checked.name !== 'chosen') return;
      const name = checked.values.has('stdout-path') ? 'stdout-path' : 'linux,stdout-path';
      const value = checked.values.get(name);
      if (value === undefined) return;
      if (name === 'linux,stdout-path') fail(checked, "write 'stdout-path' instead", name);
      if (!isOneString(value)) fail(checked, `'${name}' is not one string`, name);
    },
  },
  {
    code: 'alias_paths',
    run: (checked, { root }, fail) => {
      if (checked.name !== 'aliases') return;
      for (const [name, value] of checked.values) {
        if (name === 'phandle' || name === 'linux,phandle') continue;
        const path = firstString(value)!;
        if (value.length === 0 || nodeAt(root, path) === undefined) {
          fail(checked, `alias '${name}' stands for '${path}', which is no node`, name);
        } else if (/[^a-z0-9-]/.test(name)) {
          fail(checked, `alias '${name}' has other characters than lower-case letters, digits and '-'`);
        }
      }
    },
  },
];

export const BASIC_CHECKS = {
  names: NAME_CHECKS,
  forms: FORM_CHECKS,
  strict: STRICT_CHECKS,
  places: PLACE_CHECKS,
};
