"""The story of each job, told in calls one floor down."""
