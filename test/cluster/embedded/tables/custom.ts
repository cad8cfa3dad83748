import type { JsonObject } from '../json.ts';
import { ageColumn, since } from './age.ts';
import { type Column, column, nameColumn } from './column.ts';
import { firstAt, type JsonPath, parseJsonPath } from './json-path.ts';

/** One of `additionalPrinterColumns`, as a CustomResourceDefinition holds it. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: Column['type'];
  readonly jsonPath: string;
  readonly format?: string;
  readonly description?: string;
  readonly priority?: number;
}

/**
 * The columns of a custom kind, its name first; its age where the definition names none.
 * kubernetes/kubernetes: apiextensions-apiserver/pkg/registry/customresource/tableconvertor.
 */
export function customColumns(printed: readonly PrinterColumn[] = []): readonly Column[] {
  const more =
    printed.length === 0 ? [{ ...ageColumn, type: 'date' as const }] : printed.map(customColumn);
  return [nameColumn, ...more];
}

function customColumn({ name, type, jsonPath, ...more }: PrinterColumn): Column {
  const path: JsonPath = parseJsonPath(jsonPath);
  const {
    format = '',
    priority = 0,
    description = `Custom resource definition column (in JSONPath format): ${jsonPath}`,
  } = more;
  const cell: Column['cell'] = (object: JsonObject, now) =>
    cellOf(type, firstAt(object, path), now);
  return column(name, cell, { type, format, description, priority });
}

/** Null where there is nothing, and where a value is of another type than its column. */
function cellOf(type: Column['type'], value: unknown, now: number): unknown {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'string':
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'date':
      return typeof value === 'string' ? since(value, now) : null;
    default:
      return typeof value === type ? value : null;
  }
}
