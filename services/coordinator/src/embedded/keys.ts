import { DEFAULT_TENANT } from "../job.js";

// The layout of the database, format 1. Job ids are made of letters and digits: "!" ends them.
//   meta!format                  the number of this layout, as text
//   meta!census                  record of Census
//   job!ID                       record of StoredJob
//   event!ID!SEQUENCE            record of JobEvent
//   key!IDEMPOTENCY-KEY          the id of the job of the default tenant that holds it, as text
//   tenant!TENANT!IDEMPOTENCY-KEY  the same of another tenant
//   state!STATE!ORDER            the id of a job in that state, as text
//   model!NAME                   record of ModelFacts
//   aside!KEY                    what stood under KEY and could not be read, as it was

/** The layout above. */
export const FORMAT = "1";
export const FORMAT_KEY = "meta!format";
export const CENSUS_KEY = "meta!census";

/** How many jobs there ever were: each has an entry by state, or was removed. */
export interface Census {
  /** Place of the newest job in the order of submission; the first is 1. */
  readonly lastOrder: number;
  readonly removed: number;
}

/** From the first key to before the second. */
export interface KeyRange {
  readonly gte: string;
  readonly lt: string;
}

export function jobKey(jobId: string): string {
  return `job!${jobId}`;
}

/** @param sequence Infinity stands behind all */
export function eventKey(jobId: string, sequence: number): string {
  return `event!${jobId}!${padded(sequence)}`;
}

export function eventsAfter(jobId: string, sequence: number): KeyRange {
  return { gte: eventKey(jobId, sequence + 1), lt: `event!${jobId}"` };
}

// Before there were tenants, all jobs were of the default one. No tenant has a "!" in its name.
export function idempotencyKey(tenant: string, key: string): string {
  return tenant === DEFAULT_TENANT ? `key!${key}` : `tenant!${tenant}!${key}`;
}

export function stateKey(state: string, order: number): string {
  return `state!${state}!${padded(order)}`;
}

/** Entries of one state, those before a place in the order, or all. */
export function stateRange(state: string, before: number | undefined): KeyRange {
  const lt = before === undefined ? `state!${state}"` : stateKey(state, before);
  return { gte: `state!${state}!`, lt };
}

/** The place in the order that a key by state ends with. */
export function orderOf(stateEntryKey: string): number {
  return Number(stateEntryKey.slice(stateEntryKey.lastIndexOf("!") + 1));
}

export const EVERY_STATE: KeyRange = { gte: "state!", lt: 'state"' };
export const EVERY_MODEL: KeyRange = { gte: "model!", lt: 'model"' };

export function modelKey(name: string): string {
  return `model!${name}`;
}

export function asideKey(key: string): string {
  return `aside!${key}`;
}

// Numbers of equal length sort as text; '"' comes right after "!", ":" right after the digits.
function padded(n: number): string {
  return Number.isSafeInteger(n) ? String(Math.max(0, n)).padStart(16, "0") : ":";
}
