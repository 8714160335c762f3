import { describe } from 'vitest';
import { exerciseSearchEnds, ODD_ENDS } from '../support/search-ends.js';

describe('no odd end of a search is believed', () => {
  exerciseSearchEnds(ODD_ENDS);
});
