"""One evaluation as an HTML page: its folder, its curves, its text."""
