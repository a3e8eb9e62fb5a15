import { defineDiagnostics } from './row.ts';

/** Diagnostics about CPU pools and where vCPUs run. */
export const CPU_DIAGNOSTICS = defineDiagnostics({
  'cpupool-cpus-invalid': {
    severity: 'error',
    message: '{found}',
    remedy: 'give cpupool-cpus the phandles of CPU nodes: cpupool-cpus = <&cpu1 &cpu2>',
    xen: 'panics: Missing or empty cpupool-cpus property!, or Error retrieving logical cpu from node',
  },
  'cpupool-cpu-twice': {
    severity: 'error',
    message: '{found} is in the CPU pool {other} already',
    remedy: 'name each CPU in one pool',
    xen: 'panics: Logical cpu already added to a cpupool!',
  },
  'cpupool-scheduler': {
    severity: 'error',
    message: 'there is no scheduler "{found}"; {used} would be used; there are {expected}{hint}',
    remedy: 'correct cpupool-sched, or remove it to get the default',
    xen: 'panics: Scheduler does not exists!',
  },
  'vcpu-id': {
    severity: 'error',
    message: 'id is {found}; the vCPUs of the domain are 0 to {limit}',
    remedy: 'set id to the number of a vCPU',
    xen: 'panics: Invalid xen,vcpu node, or Invalid vcpu_id',
  },
  'vcpu-twice': {
    severity: 'warning',
    message: 'vCPU {found} has a node already, {other}; this one counts',
    remedy: 'keep one node per vCPU',
    xen: 'takes the last',
  },
  'vcpu-affinity': {
    severity: 'error',
    message: 'hard-affinity "{found}", column {column}: {what}',
    remedy: 'write a list of pCPUs and ranges such as "0,2-3"; the boot CPU is 0',
    xen: 'stops reading at the first character that does not belong and says nothing; panics for a pCPU that is not there',
  },
  'vcpu-affinity-pool': {
    severity: 'error',
    message: 'hard-affinity "{found}" names no pCPU of Pool-{id}, which has {all}',
    remedy: "choose pCPUs of the domain's pool",
    xen: 'panics: failed to set hard affinity',
  },
});
