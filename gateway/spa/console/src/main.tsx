/** Starts the console. */
import './nonce';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { makeQueries, Providers } from './app';
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
const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Providers queries={makeQueries()} />
    </StrictMode>,
  );
}
