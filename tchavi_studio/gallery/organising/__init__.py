"""Pages and acts about favourites, ratings, tags and collections."""
