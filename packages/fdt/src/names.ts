/** What is wrong with a name, and dtc's name of the check that says so. */
export interface NameProblem {
  readonly code: 'node_name_chars' | 'node_name_format' | 'property_name_chars';
  readonly message: string;
}

/** Characters of the Devicetree Specification, sections 2.2.1 and 2.2.4; `_` in properties is dtc's. */
const BAD_IN_NODE = /[^a-zA-Z0-9,._+\-@]/;
const BAD_IN_PROPERTY = /[^a-zA-Z0-9,._+*#?-]/;

/** Why dtc refuses this name of a node, or undefined. */
export function nodeNameProblem(name: string): NameProblem | undefined {
  const bad = BAD_IN_NODE.exec(name)?.[0];
  if (bad !== undefined) {
    return { code: 'node_name_chars', message: `node name '${name}' has a ${JSON.stringify(bad)}` };
  }
  if (name.indexOf('@') === name.lastIndexOf('@')) return undefined;
  return { code: 'node_name_format', message: `node name '${name}' has more than one '@'` };
}

/** Why dtc refuses this name of a property, or undefined. */
export function propertyNameProblem(name: string): NameProblem | undefined {
  const bad = BAD_IN_PROPERTY.exec(name)?.[0];
  if (bad === undefined) return undefined;
  return { code: 'property_name_chars', message: `property name '${name}' has a ${JSON.stringify(bad)}` };
}
