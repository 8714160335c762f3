import { describe, expect, it } from 'vitest';
import { glossary } from '../src/rules/glossary.js';
import {
  AT_RISK_UP_TO_DAYS,
  CASELOAD_BUCKETS,
  CHANNELS,
  ENGAGED_UP_TO_DAYS,
  ENGAGEMENT_STATUSES,
  MAINTAINED_ATTRIBUTES,
  NEW_PARTICIPANT_BUCKETS,
  QUALIFYING_SERVICE_CODES,
} from '../src/rules/vocabulary.js';

const entries = glossary({
  timeZone: 'Europe/Berlin',
  eligibleProgramsByReferral: { Clinic: 'Full Access' },
});
const meaningOf = (term: string): string => entries.find((entry) => entry.term === term)?.meaning ?? '';

describe('the glossary', () => {
  it('explains every maintained attribute, status and bucket, each once', () => {
    const terms = entries.map((entry) => entry.term);
    const buckets = [...CASELOAD_BUCKETS, ...NEW_PARTICIPANT_BUCKETS].map((bucket) => bucket.name);
    expect(terms).toEqual(
      expect.arrayContaining([...MAINTAINED_ATTRIBUTES, ...ENGAGEMENT_STATUSES, ...buckets]),
    );
    expect(new Set(terms).size).toBe(terms.length);
    expect(entries.filter((entry) => entry.meaning.trim() === '')).toEqual([]);
  });

  it('tells the names and numbers that the rules run on', () => {
    for (const channel of CHANNELS) expect(meaningOf('Coaching session')).toContain(channel);
    for (const code of QUALIFYING_SERVICE_CODES)
      expect(meaningOf('Qualifying coaching call')).toContain(code);
    expect(meaningOf('Qualifying coaching call')).not.toContain('Email');
    expect(meaningOf('Engaged')).toContain(`at most ${ENGAGED_UP_TO_DAYS} days ago`);
    expect(meaningOf('At Risk')).toContain(`${ENGAGED_UP_TO_DAYS + 1} to ${AT_RISK_UP_TO_DAYS} days ago`);
    expect(meaningOf('Unengaged')).toContain(`more than ${AT_RISK_UP_TO_DAYS} days ago`);
  });

  it('tells the buckets of the reports', () => {
    expect(entries.filter((entry) => /^(bucket|gt)_/.test(entry.term)).map((entry) => entry.meaning)).toEqual(
      [
        'Caseload: the last coaching session was at most 7 days ago.',
        'Caseload: the last coaching session was 8 to 28 days ago.',
        'Caseload: the last coaching session was 29 to 56 days ago.',
        'Caseload: the last coaching session was more than 56 days ago.',
        'New participants: the last coaching session, or without one Enrolled Date, was 14 to 21 days ago.',
        'New participants: the last coaching session, or without one Enrolled Date, was 22 to 28 days ago.',
        'New participants: the last coaching session, or without one Enrolled Date, was more than 28 days ago.',
      ],
    );
  });

  it('follows the settings', () => {
    expect(meaningOf('Report time zone')).toContain('Europe/Berlin');
    expect(meaningOf('Eligible Programs')).toContain('Clinic → Full Access');
    expect(JSON.stringify(entries)).not.toContain('Counter Health');
    const without = glossary({ timeZone: 'UTC', eligibleProgramsByReferral: {} });
    expect(without.find((entry) => entry.term === 'Eligible Programs')?.meaning).toContain(
      'no programs are set',
    );
  });
});
