import type { DtNode } from '@dom0less/fdt';
import type { EventChannel } from './boot-plan.ts';
import { COMMON_PROPERTIES, checkPropertyNames } from './modules.ts';
import { cellAt, hasCompatible, renderValue } from './property.ts';
import type { Reporter } from './reporter.ts';

/** Names of the nodes; Xen's documentation has the second, its code knows the first only. */
export const EVENT_CHANNEL = 'xen,evtchn-v1';
export const EVENT_CHANNEL_DOCUMENTED = 'xen,evtchn';

/** A node of a static event channel and the domain that it belongs to. */
export interface OwnedEventChannel {
  node: DtNode;
  reporter: Reporter;
  /** 0 is dom0. */
  domain: number;
  /** Highest port of the domain. */
  maxPort: number;
}

const NAME = 'xen,evtchn';
const PROPERTIES = [...COMMON_PROPERTIES, NAME];

export const isEventChannel = (node: DtNode): boolean =>
  hasCompatible(node, EVENT_CHANNEL) || hasCompatible(node, EVENT_CHANNEL_DOCUMENTED);

interface End {
  owned: OwnedEventChannel;
  port: number;
  remote: number;
}

const readEnd = (owned: OwnedEventChannel): End | undefined => {
  const { node, reporter, maxPort } = owned;
  checkPropertyNames(reporter, node, PROPERTIES);
  if (!hasCompatible(node, EVENT_CHANNEL)) reporter.report('evtchn-name', node, 'compatible');
  const value = node.prop(NAME)?.value;
  if (value?.length !== 8) {
    const found = value === undefined ? 'missing' : (renderValue(value) ?? 'empty');
    reporter.report('evtchn-value', node, value && NAME, { found });
    return undefined;
  }
  const port = cellAt(value, 0);
  if (port < 1 || port > maxPort) {
    reporter.report('evtchn-port', node, NAME, { found: port, limit: maxPort });
    return undefined;
  }
  return { owned, port, remote: cellAt(value, 4) };
};

/**
 * Reads all static event channels: both ends of each, which point to each other.
 *
 * @returns the channel of each node that is without a defect
 */
export const readEventChannels = (
  all: readonly OwnedEventChannel[],
  nodeByPhandle: (phandle: number) => DtNode | undefined,
): Map<DtNode, EventChannel> => {
  const ends = new Map<DtNode, End>();
  const ports = new Map<string, End>();
  for (const owned of all) {
    const end = readEnd(owned);
    if (end === undefined) continue;
    const key = `${owned.domain} ${end.port}`;
    const other = ports.get(key);
    if (other !== undefined) {
      const texts = { found: end.port, other: other.owned.node.path };
      owned.reporter.report('evtchn-port-twice', owned.node, NAME, texts);
      continue;
    }
    ports.set(key, end);
    ends.set(owned.node, end);
  }
  const nodes = new Set(all.map(({ node }) => node));
  const channels = new Map<DtNode, EventChannel>();
  for (const [node, { owned, port, remote }] of ends) {
    const target = nodeByPhandle(remote);
    const other = target && ends.get(target);
    if (target === undefined || !nodes.has(target)) {
      const found =
        target === undefined ? `phandle ${remote}, which no node has` : `${target.path}, which is no event channel`;
      owned.reporter.report('evtchn-remote', node, NAME, { found });
    } else if (other !== undefined && nodeByPhandle(other.remote) !== node) {
      owned.reporter.report('evtchn-one-way', node, NAME, { other: target.path });
    } else if (other !== undefined) {
      const { port: remotePort } = other;
      const remoteDomain = other.owned.domain;
      channels.set(node, { path: node.path, localPort: port, remotePath: target.path, remoteDomain, remotePort });
    }
  }
  return channels;
};
