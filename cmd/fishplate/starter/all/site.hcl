# Serves this project:  fishplate serve .
# A change of the program:  fishplate reload
listener "web" { bind = ["127.0.0.1:8080"] }

# What the program lets pass goes here: put your own server in its place.
backend "app" { servers = ["127.0.0.1:9000"] }

tenant "@NAME@" {
  program = "@PROGRAM@"
}

vhost "any" {
  tenant  = "@NAME@"
  backend = "app"
}
