import { Notice } from './parts/notice.js';

/** The button that the script shows, and the line it shows when the service does not answer. */
export function LiveControls() {
  return (
    <div class="live">
      <Notice id="live-notice" tone="problem" role="status" hidden>
        The service does not answer at the moment; what is shown may be out of date.
      </Notice>
      <button id="live-button" type="button" class="quiet" hidden>
        Pause updates
      </button>
    </div>
  );
}
