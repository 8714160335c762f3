import { billing } from './billing.js';
import { caseload } from './caseload.js';
import { dataQuality } from './data-quality.js';
import { engagement } from './engagement.js';
import { newParticipants } from './new-participants.js';
import { overview } from './overview.js';
import type { Report } from './report.js';
import { sessions } from './sessions.js';
import { upcoming } from './upcoming.js';

/** Every report that can be asked by HTTP and on the command line, in the order in which people meet them. */
export const REPORTS: readonly Report[] = [
  overview,
  caseload,
  sessions,
  newParticipants,
  billing,
  upcoming,
  dataQuality,
  engagement,
];
