"""What the classifier learns from: headlines written for this project, and labels on outside headlines."""
