import type { KubeObject } from '../../../../src/kube/objects.ts';

/** One column of a kind's table, and what an object shows in it. */
export interface Column {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  /** `name` where the cell is the object's name. */
  readonly format: string;
  readonly description: string;
  /** 0 for what is always shown, more for what only `-o wide` shows. */
  readonly priority: number;
  /** The cell of an object at a time, in milliseconds since the epoch. */
  readonly cell: (object: KubeObject, now: number) => unknown;
}

/** A column of strings that is always shown, unless said otherwise. */
export function column(
  name: string,
  cell: Column['cell'],
  more: Partial<Pick<Column, 'type' | 'format' | 'description' | 'priority'>> = {},
): Column {
  return { name, type: 'string', format: '', description: '', priority: 0, cell, ...more };
}

/** A column that only `-o wide` shows. */
export function wide(name: string, cell: Column['cell']): Column {
  return column(name, cell, { priority: 1 });
}

/** The object's own name. */
export const nameColumn = column('Name', ({ metadata }) => metadata.name ?? '', { format: 'name' });
