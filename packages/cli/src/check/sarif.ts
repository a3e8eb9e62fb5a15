import type { DtsSpan } from '@dom0less/fdt';
import type { Severity } from '@dom0less/multiboot';
import { type CheckFinding, ruleOf } from './finding.ts';
import type { Fix } from './fixes.ts';
import { placeIn } from './text-places.ts';

/** Levels of SARIF 2.1.0, section 3.27.10. */
const LEVELS: Record<Severity, string> = { error: 'error', warning: 'warning', info: 'note' };
const SCHEMA = 'https://json.schemastore.org/sarif-2.1.0.json';

/** A relative path as a URI reference (3.4.3): its separators are slashes, and what is no URI character is escaped. */
const uriOf = (file: string): string => file.replaceAll('\\', '/').split('/').map(encodeURIComponent).join('/');

interface Region {
  readonly startLine: number;
  readonly startColumn: number;
  readonly endLine?: number;
  readonly endColumn?: number;
}

function regionOf(text: string, start: number, end: number): Region {
  const from = placeIn(text, start);
  const to = placeIn(text, end);
  return { startLine: from.line, startColumn: from.column, endLine: to.line, endColumn: to.column };
}

const spanRegion = ({ text, start, end }: DtsSpan): Region => regionOf(text, start, end);

function locationOf({ location, span, path, property }: CheckFinding, board: string) {
  const region =
    location === undefined
      ? undefined
      : span === undefined
        ? { startLine: location.line, startColumn: location.column }
        : spanRegion(span);
  const name = property === undefined ? path : `${path === '/' ? '' : path}/${property}`;
  return {
    physicalLocation: {
      artifactLocation: { uri: uriOf(location?.file ?? board) },
      ...(region === undefined ? {} : { region }),
    },
    ...(name === undefined
      ? {}
      : { logicalLocations: [{ fullyQualifiedName: name, kind: property === undefined ? 'element' : 'property' }] }),
  };
}

function fixOf({ description, edits }: Fix) {
  const files = [...new Set(edits.map(({ file }) => file))];
  return {
    description: { text: description },
    artifactChanges: files.map((file) => ({
      artifactLocation: { uri: uriOf(file) },
      replacements: edits
        .filter((edit) => edit.file === file)
        .map(({ original, start, end, text }) => ({
          deletedRegion: regionOf(original, start, end),
          insertedContent: { text },
        })),
    })),
  };
}

function ruleEntry(code: string, { severity, message, remedy, xen }: CheckFinding) {
  const rule = ruleOf(code);
  return {
    id: code,
    shortDescription: { text: rule?.message ?? message },
    ...(xen === undefined ? {} : { fullDescription: { text: `Xen ${xen}.` } }),
    help: { text: rule?.remedy ?? remedy ?? message },
    defaultConfiguration: { level: LEVELS[rule?.severity ?? severity] },
  };
}

/**
 * Findings as a SARIF log (OASIS SARIF 2.1.0).
 *
 * @param board File of the host tree, where findings of a blob belong.
 */
export function sarifLog(findings: readonly CheckFinding[], board: string, version: string): object {
  const codes = [...new Set(findings.map(({ code }) => code))];
  const first = new Map([...findings].reverse().map((finding) => [finding.code, finding]));
  return {
    $schema: SCHEMA,
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'dom0less',
            semanticVersion: version,
            rules: codes.map((code) => ruleEntry(code, first.get(code)!)),
          },
        },
        columnKind: 'utf16CodeUnits',
        results: findings.map((finding) => ({
          ruleId: finding.code,
          ruleIndex: codes.indexOf(finding.code),
          level: LEVELS[finding.severity],
          message: { text: finding.remedy === undefined ? finding.message : `${finding.message} (${finding.remedy})` },
          locations: [locationOf(finding, board)],
          ...(finding.fix === undefined ? {} : { fixes: [fixOf(finding.fix)] }),
        })),
      },
    ],
  };
}
