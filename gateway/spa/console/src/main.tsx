/** Starts the console. */
import './nonce';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { makeQueries, Providers } from './app';
import './style.css';

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Providers queries={makeQueries()} />
    </StrictMode>,
  );
}
