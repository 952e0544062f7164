import React from 'react';
import { Navigate, Route, Routes } from 'react-router';
import { Overview } from '../pages/Overview/Overview.tsx';

export function App(): React.JSX.Element {
  return (
    <Routes>
      <Route path="overview" element={<Overview />} />
      <Route path="*" element={<Navigate to="overview" replace />} />
    </Routes>
  );
}
