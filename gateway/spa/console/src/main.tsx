/** Starts the console. */
import './nonce';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { begin, makeQueries, Providers } from './app';
import { NotFetched } from './parts/lazily';
import { trimPastes } from './parts/paste';
import './style/frame.css';
import './style/pieces.css';
import './style/lists.css';
import './style/pages.css';
import './style/cashier.css';
import './style/cockpit.css';
import './style/devices.css';
import './style/refunds.css';
import './style/narrow.css';

trimPastes();
const queries = makeQueries();
begin(queries, window.location.pathname);
const root = document.getElementById('root');
if (root) {
  createRoot(root, {
    // A page whose code could not be fetched shows that itself and tries again; it is no error of
    // the code.
    onCaughtError: (error) => {
      if (!(error instanceof NotFetched)) console.error(error);
    },
  }).render(
    <StrictMode>
      <Providers queries={queries} />
    </StrictMode>,
  );
}
