import { defineDiagnostics } from './row.ts';

/** Diagnostics about properties of this project's own. */
export const OWN_DIAGNOSTICS = defineDiagnostics({
  'domain-name-twice': {
    severity: 'error',
    message: 'the {key} of the domain, {found}, is that of {other} too',
    remedy: 'give each domain its own',
    xen: 'goes by the node names only',
  },
  'start-after-unknown': {
    severity: 'error',
    message: 'there is no domain "{found}" to start after',
    remedy: 'give the name of another domain of this tree',
    xen: 'ignores the property',
  },
  'start-after-silent': {
    severity: 'error',
    message: '{other} has no console that a pattern could be looked for in',
    remedy: 'add vpl011 to that domain, or leave the pattern out',
    xen: 'ignores the property',
  },
  'start-after-circle': {
    severity: 'error',
    message: 'the domain would start after {other}, which in the end starts after this one',
    remedy: 'remove dom0less,start-after from one of them',
    xen: 'ignores the property',
  },
  'start-after-pattern': {
    severity: 'error',
    message: 'the pattern "{pattern}" is no regular expression: {found}',
    remedy: 'correct it; a backslash is written twice in a device tree source',
    xen: 'ignores the property',
  },
});
