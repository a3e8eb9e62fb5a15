import { defineDiagnostics } from './row.ts';

/** Diagnostics about what a release of Xen that the user names does not know. */
export const XEN_VERSION_DIAGNOSTICS = defineDiagnostics({
  'xen-unknown-yet': {
    severity: 'warning',
    message: '{name} is known since Xen {since}; Xen {version} does not know it',
    remedy: 'use Xen {since} or later, or do without {name}',
    xen: 'an older Xen ignores it and says nothing',
  },
  'xen-build-option': {
    severity: 'info',
    message: '{name} needs a Xen {version} that is built with {config}, which is off by default',
    remedy: 'build Xen with {config}=y',
    xen: 'without the option panics or ignores it',
  },
  'xen-small-tree': {
    severity: 'warning',
    message: 'the domain has {found} vCPUs; the trees that Xen {version} makes for guests have room for about {limit}',
    remedy: 'use Xen 4.22 or later, or give the domain at most {limit} vCPUs',
    xen: 'before 4.22 panics: Device tree generation failed (-22)',
  },
  'xen-dom0-needed': {
    severity: 'warning',
    message: 'the tree describes no dom0, and Xen {version} needs one',
    remedy: 'use Xen 4.16 or later, or add modules for a dom0 to /chosen',
    xen: 'before 4.16 panics: Could not set up DOM0 guest OS',
  },
  'xen-enhanced-direct-map': {
    severity: 'warning',
    message: 'the domain is direct-mapped, and in Xen {version} init-dom0less finds no page for its xenstore',
    remedy: 'use Xen 4.21 or later, set xen,enhanced = "no-xenstore", or remove direct-map',
    xen: "before 4.21 expects the page at 0x39000000, which is no RAM of a direct-map domain: doesn't belong to d1",
  },
  'ram-not-scrubbed': {
    severity: 'info',
    message: '{found} on the command line: memory is given to guests as the last user left it',
    remedy: 'remove bootscrub, or write bootscrub=idle',
    xen: 'with bootscrub=0 or 1 does not scrub the RAM of domains that it makes at boot',
  },
});
