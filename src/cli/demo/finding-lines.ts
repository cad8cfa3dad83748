import { count } from '../../api/text.ts';
import type { Finding, Verdict } from '../../api/types.ts';
import { columns, wrapped } from '../text.ts';

const verdictTexts: Readonly<Record<Verdict, string>> = {
  hold: 'nothing is applied until this changes',
  skip: 'left out',
  default: 'replaced by the default',
  fix: 'mended',
  note: 'taken as it is',
};

/**
 * Everything that was found about an input, in lines of at most `width` characters where words allow
 * it: one heading for each field, verdict and reason, and alike messages as one sentence.
 */
export function findingLines(findings: readonly Finding[], width: number): readonly string[] {
  const groups = Map.groupBy(findings, ({ field, verdict, reason }) => {
    const place = field === 'spec' ? field : `spec.${field}`;
    return `${place}: ${verdictTexts[verdict]} (${reason})`;
  });
  return [...groups].flatMap(([heading, members]) => [
    heading,
    ...sentences(members, width - 4).map((line) => `  ${line}`),
  ]);
}

/** Messages that differ in nothing but what they quote are one sentence and a list of what that is. */
function sentences(findings: readonly Finding[], width: number): readonly string[] {
  const alike = Map.groupBy(findings, (finding) => told(finding).replace(quotedTexts, '"..."'));
  return [...alike].flatMap(([sentence, members]) => {
    const [only, ...others] = members;
    if (only !== undefined && others.length === 0) return wrapped(`- ${told(only)}`, width, '  ');
    return [
      ...wrapped(`- ${count(members.length)} times: ${sentence}`, width, '  '),
      ...quotations(members, width - 2).map((line) => `  ${line}`),
    ];
  });
}

const quotedTexts = /"(?:[^"\\]|\\.)*"/g;

/** A message under a heading that names the field already. */
function told({ field, message }: Finding): string {
  const prefix = `spec.${field}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}

/** What messages quote: side by side where there is room, else under each other. */
function quotations(findings: readonly Finding[], width: number): readonly string[] {
  const rows = findings.map(({ message }) =>
    (message.match(quotedTexts) ?? []).map((text) => text.slice(1, -1)),
  );
  const lines = columns(rows);
  if (lines.every((line) => line.length <= width)) return lines;
  return rows.flatMap(([first = '', ...others]) => [first, ...others.map((text) => `  ${text}`)]);
}
