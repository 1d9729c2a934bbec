//! Whether the bad day could come today: one check after the other over both Regions.
