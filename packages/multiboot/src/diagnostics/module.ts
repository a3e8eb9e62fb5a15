import { defineDiagnostics } from './row.ts';

/** Diagnostics about module nodes. */
export const MODULE_DIAGNOSTICS = defineDiagnostics({
  'compatible-case': {
    severity: 'warning',
    message: 'compatible has "{found}"; names are matched in any case here, but not by Xen throughout',
    remedy: 'write "{expected}"',
    xen: 'matches some names in any case and others exactly, so that the module may lose its kind',
  },
  'cells-inherited': {
    severity: 'info',
    message: '{names} missing and inherited as {address} address and {size} size cells from {from}',
    remedy: 'add #address-cells = <{address}> and #size-cells = <{size}>; other readers assume 2 and 1',
    xen: 'inherits too',
  },
  'module-reg-missing': {
    severity: 'error',
    message: 'the module has no reg, so that its image cannot be found',
    remedy: 'add reg = <address size> with {address} address and {size} size cells',
    xen: 'stops before its console works: no message at all',
  },
  'reg-too-short': {
    severity: 'error',
    message: 'reg has {length} bytes, but {address} address and {size} size cells need {needed}{hint}',
    remedy: 'write {address} + {size} cells, or correct #address-cells and #size-cells of {cellsFrom}',
    xen: 'panics: `reg` property length is too short',
  },
  'reg-extra': {
    severity: 'warning',
    message:
      'reg has {length} bytes where {address} address and {size} size cells take {needed}; only the first pair is used: address {found}, size {foundSize}{hint}',
    remedy: 'give one pair, or correct #address-cells and #size-cells of {cellsFrom}',
    xen: 'uses the first pair',
  },
  'reg-out-of-range': {
    severity: 'error',
    message: 'the range {start} + {length} ends past the 48-bit physical address space',
    remedy: 'correct reg',
    xen: 'maps the wrong memory or takes a data abort',
  },
  'unit-address-mismatch': {
    severity: 'warning',
    message: 'the node name says @{found}, reg says {expected}',
    remedy: 'rename the node to …@{expected}, or correct reg',
    xen: 'goes by reg',
  },
  'module-empty': {
    severity: 'error',
    message: 'the {kind} module has size 0',
    remedy: "put the file's size into reg",
    xen: 'panics for a kernel (Missing kernel boot module?), goes on without for others',
  },
  'module-generic-missing': {
    severity: 'error',
    message: 'compatible has "{found}" but not "multiboot,module"',
    remedy: 'write compatible = "{found}", "multiboot,module"',
    xen: 'does not register the module: Missing kernel boot module? for a kernel, silence for others',
  },
  'module-legacy': {
    severity: 'warning',
    message: 'the legacy name "{found}" is taken as "{expected}"',
    remedy: 'write compatible = "{expected}", "multiboot,module"',
    xen: 'knows the legacy names for dom0 only; in a domain it finds no kernel and panics',
  },
  'module-untyped': {
    severity: 'warning',
    message: 'the module is none that a domain may have ({found}) and is ignored{hint}',
    remedy: 'add "multiboot,kernel", "multiboot,ramdisk" or "multiboot,device-tree" before "multiboot,module"',
    xen: 'guesses the kind by position for dom0, and finds no kernel in a domain',
  },
  'module-duplicate': {
    severity: 'warning',
    message: 'a second {kind} module replaces {other}',
    remedy: 'keep one {kind} module per domain',
    xen: 'uses the last one',
  },
  'module-disabled': {
    severity: 'warning',
    message: 'the module has status = "{found}" and is left out',
    remedy: 'remove the node to get the same from Xen',
    xen: 'does not look at status and loads it',
  },
  'module-uefi-binary': {
    severity: 'warning',
    message: 'xen,uefi-binary is used only when Xen is started by UEFI',
    remedy: 'load the file to an address and give reg',
    xen: "under UEFI loads the file and writes reg; else treats the node as one without 'reg'",
  },
  'module-outside-memory': {
    severity: 'error',
    message: 'the {kind} module [{start}, {end}) is not inside host memory ({memory})',
    remedy: 'load the file inside host memory, and correct reg',
    xen: 'takes a data abort while copying the image',
  },
  'module-overlap': {
    severity: 'error',
    message: 'the {kind} module [{start}, {end}) overlaps [{otherStart}, {otherEnd}), the {otherKind} module {other}',
    remedy: "load the files to disjoint ranges, and give each module its file's size",
    xen: 'drops the later module, or loads both and hits a BUG when it frees them',
  },
  'module-size-differs': {
    severity: 'warning',
    message: 'the module starts at {start} like {other}, with size {found} instead of {expected}',
    remedy: "give both the file's size",
    xen: 'uses the size that it reads first, for both',
  },
  'module-overlaps-reserved': {
    severity: 'error',
    message: 'the {kind} module [{start}, {end}) overlaps [{otherStart}, {otherEnd}), reserved by {other}',
    remedy: 'load the file outside reserved memory, and correct reg',
    xen: 'drops the module, or panics: Early FDT parsing failed (-22)',
  },
  'module-in-memreserve': {
    severity: 'warning',
    message: 'the {kind} module [{start}, {end}) lies inside a /memreserve/ entry [{otherStart}, {otherEnd})',
    remedy: 'remove the /memreserve/ entry; the module node reserves the range already',
    xen: 'drops the module',
  },
  'modules-too-many': {
    severity: 'warning',
    message: '{found} distinct modules; Xen keeps 32 together with itself and the device tree',
    remedy: 'share images between domains if the tree is to boot under Xen too',
    xen: 'ignores the modules past the limit',
  },
  'bootargs-too-long': {
    severity: 'error',
    message: 'bootargs has {found} bytes; the limit is 1024 with its terminator',
    remedy: 'shorten the command line',
    xen: 'panics: module command line too long',
  },
  'bootargs-invalid': {
    severity: 'error',
    message: 'bootargs is not a string',
    remedy: 'write bootargs = "…"',
    xen: 'copies what is there',
  },
  'bootargs-on-other-module': {
    severity: 'warning',
    message: 'bootargs on a {kind} module is not used',
    remedy: 'move it to the kernel module',
    xen: "takes the first bootargs below the domain, of whichever module, as the guest's command line",
  },
  'bootargs-on-domain': {
    severity: 'warning',
    message: 'bootargs on the domain node is not used',
    remedy: 'move it to the kernel module',
    xen: 'ignores it and says nothing',
  },
  'bootargs-unit-address': {
    severity: 'info',
    message: 'the name of the domain node has a unit address; bootargs reach the guest here',
    remedy: 'name the node {name} for Xen',
    xen: 'looks the command line up by the name without unit address and loses it',
  },
});
