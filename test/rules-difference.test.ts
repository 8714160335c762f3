import { describe, expect, it } from 'vitest';
import { differ, isKeptForm, sameValue } from '../src/rules/difference.js';
import type { AttributeValue, Evidence } from '../src/rules/facts.js';
import type { MaintainedAttribute } from '../src/rules/vocabulary.js';

const wants = (attribute: MaintainedAttribute, value: AttributeValue): Evidence => ({
  attribute,
  wanted: { kind: 'value', value },
  because: '',
  conversationIds: [],
  figures: {},
});

describe('values that mean the same', () => {
  it.each<[MaintainedAttribute, AttributeValue, AttributeValue, boolean]>([
    ['Last Call', 1_790_866_800, '1790866800', true],
    ['Last Call', 1_790_866_800, '2026-10-01T15:00:00Z', true],
    ['Last Call', 1_790_866_800, 1_790_866_801, false],
    ['Last Call', 1_790_866_800, null, false],
    ['Last Call', 'soon', 1_790_866_800, false],
    ['Last Call', 'soon', 'Soon ', true],
    ['Last Call', null, '', true],
    ['Last Call', 0, null, false],
    ['Engagement Status', 'Engaged', ' ENGAGED', true],
    ['Engagement Status', 'Engaged', 'Unengaged', false],
    ['Engagement Status', null, '  ', true],
    ['Eligible Programs', '1790866800', '1790866800.0', false],
  ])('%s: %j and %j: %s', (attribute, one, other, expected) => {
    expect(sameValue(attribute, one, other)).toBe(expected);
    expect(sameValue(attribute, other, one)).toBe(expected);
  });
});

describe('the smallest change', () => {
  it('names only what differs, with the raw value before', () => {
    const evidence = [
      wants('Last Coaching Session', 100),
      wants('Last Call', 200),
      wants('Engagement Status', 'Engaged'),
      wants('Eligible Programs', null),
      { ...wants('First Session Date', 5), wanted: { kind: 'leave' } } as const,
    ];
    const held = { 'Last Coaching Session': '100', 'Last Call': '150', 'Engagement Status': 'Engagd' };
    expect(differ(evidence, held, [])).toEqual([
      { attribute: 'Last Call', before: '150', after: 200 },
      { attribute: 'Engagement Status', before: 'Engagd', after: 'Engaged' },
    ]);
  });

  it('clears with null', () => {
    const cleared = [{ attribute: 'Last Call', before: 200, after: null }];
    expect(differ([wants('Last Call', null)], { 'Last Call': 200 }, [])).toEqual(cleared);
  });

  it('leaves a value that Intercom keeps in another form, for that attribute and that value only', () => {
    const keptForms = [{ attribute: 'Last Call', sent: 200, kept: 0 }] as const;
    expect(differ([wants('Last Call', 200)], { 'Last Call': 0 }, keptForms)).toEqual([]);
    expect(differ([wants('Last Call', 201)], { 'Last Call': 0 }, keptForms)).toHaveLength(1);
    expect(differ([wants('Last Call', 200)], { 'Last Call': 1 }, keptForms)).toHaveLength(1);
    expect(differ([wants('First Session Date', 200)], { 'First Session Date': 0 }, keptForms)).toHaveLength(
      1,
    );
  });
});

describe('the form in which Intercom keeps a value', () => {
  it.each<[MaintainedAttribute, AttributeValue, AttributeValue, boolean]>([
    ['Last Call', 1_790_866_800, 1_790_812_800, true],
    ['Last Call', 1_790_866_800, '2026-10-01', true],
    ['Last Call', 1_790_866_800, 1_790_866_800 - 86_400, false],
    ['Last Call', 1_790_866_800, null, false],
    ['Last Call', null, 1_790_812_800, false],
    ['Last Call', 1_790_866_800, 'soon', false],
    ['Engagement Status', 'Engaged', 'At Risk', false],
    ['Engagement Status', 'Engaged', null, false],
  ])('of %s: %j kept as %j: %s', (attribute, sent, kept, is) => {
    expect(isKeptForm({ attribute, sent, kept })).toBe(is);
  });
});
