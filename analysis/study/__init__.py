"""A study with people: a page of videos to judge, and what their answers say. No rating is made here."""
